"""The guardians of the rows: found or new, merged over the file, tied to their students."""

from __future__ import annotations

from jobs.import_doubts import MOST, Answers, answered, ask, open_refs
from jobs.import_match import GUARDIAN_TEXTS, GuardianEntry, Known
from jobs.import_parse import LEGAL_TIES, GuardianCells
from jobs.import_plan import Planned, Tie, same_value
from models.custom_import import MARK, column_of, text_of

GUARDIAN_KEYS = (*GUARDIAN_TEXTS, "phone_e164")


def plan_guardians(planned: Planned, known: Known, answers: Answers) -> None:
    """Find, merge and tie the guardians of one row that is taken; namesakes are put to people, and are two until they say otherwise."""
    student_id = planned.student_id
    around = [known.book.by_row[g] for g in known.guardians_of.get(student_id, [])] if student_id is not None else []
    here: list[GuardianEntry] = []
    for cells in planned.row.guardians:
        said = {key: cells.values[key] for key in GUARDIAN_KEYS if cells.values.get(key)}
        entry = known.book.find(said, [*around, *here]) or _namesake(planned, said, cells, known, answers)
        if entry is None:
            entry = known.book.add(GuardianEntry(None, {}, place=f"{planned.row.line}.{cells.number}"))
            if answers:  # one of them may name this guardian
                known.book.by_place[entry.place] = entry
        if any(entry is other for other in here):
            continue
        here.append(entry)
        entry.used = True
        _merge(planned, entry, {**said, **{key: value for key, value in cells.values.items() if MARK in key}}, cells, known)
        _tie(planned, entry, cells, known)


def _namesake(planned: Planned, said: dict[str, str], cells: GuardianCells, known: Known, answers: Answers) -> GuardianEntry | None:
    """The namesake whom somebody chose; otherwise nobody, and a question where one may be meant: two e-mails tell two people apart."""
    key = f"{planned.row.line}.g{cells.number}"
    chosen = answered(answers, key)
    if chosen and (entry := known.book.named(chosen)) is not None:
        return entry
    namesakes = known.book.namesakes(said)
    found = [entry for entry in namesakes if not (said.get("email") and entry.data.get("email"))] if said.get("given_name") else []
    refs = open_refs(answers, key, (entry.ref for entry in found))
    if refs and len(namesakes) <= MOST:  # of a name that many have, nobody can say whose it is
        people = {entry.ref: entry.data for entry in found if entry.id is None and entry.ref in refs}
        ask(planned.row, key, "namesake", refs, held=False, name=namesakes[0].name, said=said, people=people)
    elif namesakes:
        planned.row.doubt(f"g{cells.number}.family_name", "homonym", name=namesakes[0].name)
    return None


def _merge(planned: Planned, entry: GuardianEntry, said: dict[str, str], cells: GuardianCells, known: Known) -> None:
    """The first line that says something of a guardian decides; a later line that says otherwise is told."""
    prefix, told_before = f"g{cells.number}.", len(entry.said)
    for key, value in said.items():
        if key in entry.first:
            told = entry.said.get(key, entry.kept.get(key, ""))
            if not same_value(key, told, value) and key not in {"phone", "title"}:
                field_key = prefix + ("phone" if key == "phone_e164" else key)
                planned.row.doubt(field_key, "guardian_differs", line=entry.first[key])
            continue
        entry.first[key] = cells.line
        kept = entry.kept.get(key, "")
        if same_value(key, kept, value):
            continue
        if ("guardian", entry.id, "phone" if key == "phone_e164" else column_of(key)) in known.corrected:
            if key != "phone_e164":
                planned.diff.append({"field": prefix + key, "before": text_of(key, kept), "after": text_of(key, value), "who": entry.name, "kept": True})
            continue
        entry.said[key] = value
        if entry.id is not None and key != "phone_e164":
            planned.diff.append({"field": prefix + key, "before": text_of(key, kept), "after": text_of(key, value), "who": entry.name})
            if planned.status == "unchanged":
                planned.status = "changed"
    if len(entry.said) > told_before:
        known.book.index(entry)


def _tie(planned: Planned, entry: GuardianEntry, cells: GuardianCells, known: Known) -> None:
    relation = cells.values.get("relation", "")
    authority = cells.values.get("authority", "")
    link = known.links.get((planned.student_id, entry.id)) if planned.student_id is not None and entry.id is not None else None
    if link is None:
        legal = relation in LEGAL_TIES or not relation
        planned.ties.append(Tie(entry, relation or "other", authority or ("legal" if legal else "in_charge"), to_check=bool(cells.values.get("link_state"))))
        if planned.student_id is not None:
            planned.diff.append({"field": f"g{cells.number}.tie", "before": "", "after": entry.name})
    else:
        link_id, had_relation, had_authority = link
        relation = "" if relation == "other" else relation  # an unknown word says less than what is known
        relation = _kept(planned, cells, "relation", link_id, had_relation, relation or had_relation, known, entry.name)
        authority = _kept(planned, cells, "authority", link_id, had_authority, authority or had_authority, known, entry.name)
        if (relation, authority) == (had_relation, had_authority):
            return
        planned.ties.append(Tie(entry, relation, authority, link_id))
        for key, before, after in (("relation", had_relation, relation), ("authority", had_authority, authority)):
            if before != after:
                planned.diff.append({"field": f"g{cells.number}.{key}", "before": before, "after": after, "who": entry.name})
    if planned.status == "unchanged":
        planned.status = "changed"


def _kept(planned: Planned, cells: GuardianCells, key: str, link_id: int, had: str, said: str, known: Known, who: str) -> str:
    """What a tie says once the file is written: what the school corrected by hand stays, and is told."""
    if said == had or ("guardian_link", link_id, key) not in known.corrected:
        return said
    planned.diff.append({"field": f"g{cells.number}.{key}", "before": had, "after": said, "who": who, "kept": True})
    return had
