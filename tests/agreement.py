"""French agreement looked at from outside: given a finished sentence and the nouns that stand in it, what disagrees.

No grammar: the mistakes that a noun written in place of another makes. « la élève », « un étudiante », « tous les étudiantes »,
« que un candidat », « l’étudiante a été supprimé ».
"""

import re

from models.tokens import NounForms

# What may stand before a singular noun: (masculine, feminine, masculine before a vowel, feminine before a vowel).
_ONE = {
    "un": (1, 0, 1, 0),
    "une": (0, 1, 0, 1),
    "le": (1, 0, 0, 0),
    "la": (0, 1, 0, 0),
    "l’": (0, 0, 1, 1),
    "ce": (1, 0, 0, 0),
    "cet": (0, 0, 1, 0),
    "cette": (0, 1, 0, 1),
    "aucun": (1, 0, 1, 0),
    "aucune": (0, 1, 0, 1),
    "du": (1, 0, 0, 0),
    "au": (1, 0, 0, 0),
    "de": (1, 1, 0, 0),
    "d’": (0, 0, 1, 1),
    "que": (1, 1, 0, 0),
    "tout": (1, 0, 1, 0),
    "toute": (0, 1, 0, 1),
    "quel": (1, 0, 1, 0),
    "quelle": (0, 1, 0, 1),
    "nouveau": (1, 0, 0, 0),
    "nouvel": (0, 0, 1, 0),
    "nouvelle": (0, 1, 0, 1),
    "premier": (1, 0, 1, 0),
    "première": (0, 1, 0, 1),
    "seul": (1, 0, 1, 0),
    "seule": (0, 1, 0, 1),
    "mon": (1, 0, 1, 1),
    "son": (1, 0, 1, 1),
    "ma": (0, 1, 0, 0),
    "sa": (0, 1, 0, 0),
}
# The same before a plural noun.
_MANY = {
    **dict.fromkeys(("tous", "certains", "seuls", "nouveaux", "premiers", "quels", "ceux", "aucuns"), (1, 0, 1, 0)),
    **dict.fromkeys(("toutes", "certaines", "seules", "nouvelles", "premières", "quelles", "celles"), (0, 1, 0, 1)),
    **dict.fromkeys(("le", "la", "l’", "un", "une", "ce", "cet", "cette", "du", "au", "aucun", "aucune", "tout", "toute", "chaque"), (0, 0, 0, 0)),
    "de": (1, 1, 0, 0),
    "d’": (0, 0, 1, 1),
}
_BE = r"(?:est|sont|était|étaient|sera|seront|soit|soient|reste|restent|a été|ont été|avait été|doit être|doivent être|peut être|peuvent être)"
_BETWEEN = r"(?:(?:pas|plus|déjà|encore|toujours|aussi|bien|jamais|tous|toutes)\s)*"
_BROKEN = re.compile(r"\b(?:de|à) les?\b(?! \w+(?:er|ir|re)\b)|\b(?:que|de|ne|jusque|lorsque|puisque) (?:une?|aucune?)\b", re.IGNORECASE)
_PARTICIPLE = re.compile(
    r"(?:\w+é|(?:choisi|suivi|rempli|réuni|fourni|inscrit|écrit|connu|reçu|prévu|attendu|vu|lu|retenu|revenu|absent|présent|distinct|seul|ouvert|lié))(e?)(s?)",
)
# Words that end like a participle and are none.
_NO_PARTICIPLE = frozenset(
    {"côté", "identité", "qualité", "activité", "année", "années", "entrée", "durée", "donnée", "données", "clé", "arrivée", "sauf", "été"}
)


def kind(noun: NounForms) -> int:
    """Where the noun stands in the tables."""
    return (noun.gender == "feminine") + 2 * noun.vowel_sound


def faults(text: str, nouns) -> list[str]:
    """What disagrees in a sentence, each as it stands there; `nouns` are those that the sentence names."""
    plain = " ".join(text.split())
    found = [match[0] for match in _BROKEN.finditer(plain)]
    for noun in nouns:
        found += _before(plain, noun.singular, _ONE, kind(noun))
        if noun.plural != noun.singular:
            found += _before(plain, noun.plural, _MANY, kind(noun))
        for word, many in ((noun.singular, False), (noun.plural, True)):
            found += _after(plain, word, noun.gender == "feminine", many and noun.plural != noun.singular)
    return found


def _before(text, word, table, place):
    """The determiners that cannot stand before this noun, « tous les » among them."""
    pattern = rf"(?<![\w-])(\w+[ ’]) ?(les |ces |des |ses |vos )?{re.escape(word)}\b"
    return [
        m[0]
        for m in re.finditer(pattern, text, re.IGNORECASE)
        if not table.get(m[1].strip().lower(), (1, 1, 1, 1))[place] and not (m[2] and m[1].strip().lower() in ("de", "d’", "que"))
    ]


def _after(text, word, feminine, many):
    """Participles that the noun governs (right behind it, or behind être when the noun begins its clause) and that do not agree."""
    beside = rf"(?<![\w’-]){re.escape(word)} (\w+)\b"
    clause = rf"(?:^|[.:;,(«–·] ?|\bsi |\bque |\bqu’|\bquand |\blorsque )(?:\w+ |\w+’)?(?:\w+ )?{re.escape(word)} (?:qui )?(?:ne |n’)?{_BE} {_BETWEEN}(\w+)\b"
    found = []
    for pattern, governed in ((beside, False), (clause, True)):
        for match in re.finditer(pattern, text, re.IGNORECASE):
            participle = match[1].lower()
            form = _PARTICIPLE.fullmatch(participle)
            if form and participle not in _NO_PARTICIPLE and (bool(form[1]) != feminine or (governed and bool(form[2]) != many)):
                found.append(match[0])
    return found
