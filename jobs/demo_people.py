"""Invented people for the demonstration: the same seed gives the same families, for a French and a Québec school.

Nobody is real: national identifiers begin with 99, phone numbers come from the ranges kept for fiction (ARCEP 01 99 00 and
06 39 98, NANP 555-01xx), mail goes to example.org, towns and their French postal codes (99...) do not exist. No I/O here.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from dataclasses import dataclass, field

from models.base import fold
from models.identifiers import CENTURY_OFFSET, FEMALE_OFFSET, KEY_LETTERS


def _pool(text: str) -> list[str]:
    return [word.replace("_", " ") for word in text.split()]


LAST = {
    "FR": _pool("""Martin Bernard Dubois Thomas Robert Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel Garcia Roux Fournier
        Girard Bonnet François Mercier Guérin Müller Lambert Faure Chevalier Gauthier Barbier Brunet Lemaître Benoît Colin Perrot
        Hénaff Le_Goff Le_Bihan Le_Floc'h L'Hostis Guivarc'h D'Agostino D'Almeida Da_Silva Dos_Santos De_La_Tour de_La_Rochebrune
        de_Saint-Exupère du_Bois d'Ormeaux Saint-Martin Martin-Dubois Ould-Brahim El_Amrani Ben_Ali Benyoucef N'Diaye Nguyễn Trần
        Diallo Traoré Sow Öztürk Çelik Yıldız Jiménez Núñez Ibáñez Gonçalves Sœur Lebœuf Cœurdevey Haÿ Etxeberria
        Casanova-Santoni Wałęga Kowalski Schäfer Hübner Le_Ba Xu"""),
    "CA": _pool("""Tremblay Gagnon Roy Côté Bouchard Gauthier Morin Lavoie Fortin Gagné Ouellet Pelletier Bélanger Lévesque Bergeron
        Leblanc Paquette Girard Simard Boucher Caron Beaulieu Cloutier Dubé Poirier Fournier Lapointe Leclerc St-Pierre St-Onge
        Saint-Laurent D'Amours L'Heureux L'Écuyer Tremblay-Gagnon Roy-Côté Bouchard-Lévesque Vollant Mestokosho Nguyen Ng O'Brien
        O'Neill McKenzie MacDonald Lê Diallo Haddad El_Khoury Ben_Salah Hébert-Michaud Larivière Lacasse Phạm Łukasiewicz"""),
}
FIRST = {
    "M": _pool("""Gabriel Léo Raphaël Arthur Louis Jules Adam Maël Lucas Hugo Noé Gaël Élie Éloi Maxence Jean-Baptiste Jean-Loup
        Pierre-Yves Mathéo Mohamed Yanis Aïdan Loïc Théo Timothée Nicolas Antoine Clément Benoît Zéphyr Ömer Minh-Anh João Łukasz
        Çağlar William Édouard Félix Jérémie Olivier Thomas Émile Xavier Zachary Nathan"""),
    "F": _pool("""Jade Louise Emma Ambre Alice Rose Anna Alba Romy Mia Léa Chloé Zoé Inès Manon Éléonore Anaïs Maëlys Loïs Hélène
        Noémie Océane Cœline Aïcha Fatoumata Maria-José Anne-Sophie Marie-Claire Marie Lou-Anne Gwenaëlle Rokhaya Thị-Mai Başak
        Zofia Florence Béatrice Charlotte Camille Juliette Rosalie Maïka Kim Ève Léonie"""),
}
STREETS = _pool("""rue_de_l'Église avenue_du_Général-Ormeau impasse_des_Œillets allée_Jean-le-Bleu place_d'Armes
    chemin_du_Moulin_à_Vent rue_Saint-Honoré boulevard_des_Échevins rue_des_Saules quai_aux_Fleurs""")
MORE = ("Bâtiment B", "Appartement 12", "Résidence Les Érables", "Chez Mme Lebœuf", "Lieu-dit La Noë")
TOWNS = {
    "FR": (("99100", "Valmont-les-Tilleuls"), ("99110", "Chênebourg"), ("99120", "Saint-Éloi-la-Rive"), ("99130", "L'Œillère")),
    "CA": (("H1A 0A1", "La Rive"), ("G1A 0A2", "Saint-Onésime-de-la-Rive"), ("J8X 0A3", "Baie-aux-Oies"), ("G7H 0A4", "L'Anse-Verte")),
}
LEVELS = {
    "FR": ("6e", "5e", "4e", "3e"),
    "CA": ("Soins infirmiers", "Informatique", "Éducation à l'enfance", "Gestion commerciale", "Courtage immobilier"),
}
COLOURS = _pool("Bleue Verte Rouge Jaune Orange Violette Blanche Rose Grise Ambre")
CLASS_SIZE = 25
SHAPES = (  # up to this share of families: who the guardians are
    (0.62, (("mother", "F"), ("father", "M"))),
    (0.75, (("mother", "F"),)),
    (0.79, (("father", "M"),)),
    (0.81, (("mother", "F"), ("mother", "F"))),
    (0.83, (("father", "M"), ("father", "M"))),
    (0.86, (("tutor", "M"),)),
    (0.88, (("child_welfare", "F"),)),
    (0.97, (("mother", "F"), ("father", "M"), ("grandparent", "F"))),
)


@dataclass(frozen=True)
class Home:
    """A postal address."""

    address1: str
    address2: str
    postal_code: str
    town: str


@dataclass(frozen=True)
class Adult:
    """A guardian; `phone_e164` is the dialled form of `phone`."""

    sex: str
    family_name: str
    given_name: str
    email: str
    phone: str
    phone_e164: str
    home: Home


@dataclass(frozen=True)
class Tie:
    """A child's guardian: position in `People.adults`, what they are to the child, what they may decide."""

    adult: int
    relation: str
    authority: str


@dataclass
class Child:
    """A student; `level` is a position in LEVELS, `klass` a class name or empty (a candidate for recognition of prior learning)."""

    family: int
    sex: str
    family_name: str
    given_name: str
    middle_names: str
    born_on: dt.date
    level: int
    home: Home
    klass: str = ""
    national_id: str = ""
    local_id: str = ""
    email: str = ""
    phone: str = ""
    candidate: bool = False
    ties: list[Tie] = field(default_factory=list)


@dataclass(frozen=True)
class People:
    """All that is invented for one school."""

    children: list[Child]
    adults: list[Adult]


def make_people(country: str, count: int, seed: int, year: int) -> People:
    """Families of one to three children until `count` students exist; `year` is the one in which the school year begins.

    Always among them: twins (the first family), homonyms, siblings, separated parents with two addresses.
    """
    r = random.Random(f"{country}-{seed}")  # noqa: S311 (a demonstration must repeat itself)
    people = People([], [])
    taken: set[tuple[str, str, dt.date]] = set()
    family = 0
    while len(people.children) < count:
        kids = _kids(r, country, year, family, people.children, taken, count - len(people.children))
        people.children.extend(kids)
        _add_guardians(r, country, year, kids, people.adults, separated=family == 1)
        family += 1
    _number(r, country, year, people.children)
    _classes(country, people.children)
    return people


def _kids(r: random.Random, country: str, year: int, family: int, known: list[Child], taken: set[tuple[str, str, dt.date]], room: int) -> list[Child]:
    """The children of one family: the first has twins, the third repeats somebody's name. Never the same name and birth date twice."""
    last, home = r.choice(LAST[country]), _home(r, country)
    age = 17 if country == "CA" and family == 1 else _age(r, country)  # a minor somewhere, so that a guardian follows somebody
    kids = list[Child]()
    wanted = 2 if family < 2 else r.choice((1, 1, 1, 2, 2, 3))
    while len(kids) < min(wanted, room):
        twin = bool(kids) and (family == 0 or r.random() < 0.1)
        double = r.choice(known) if known and not kids and (family == 2 or r.random() < 0.02) else None
        sex = double.sex if double else r.choice("MF")
        given = double.given_name if double else r.choice(FIRST[sex])
        if double:
            last = double.family_name
        born = kids[-1].born_on if twin else _birthday(r, year - (age if not kids else _near(r, country, age)))
        who = (fold(last), fold(given), born)
        if who in taken or (not twin and any(kid.born_on == born for kid in kids)):
            continue
        taken.add(who)
        level = min(max(year - born.year - 11, 0), 3) if country == "FR" else r.randrange(len(LEVELS["CA"]))
        middle = ", ".join(r.sample(FIRST[sex], 2)) if r.random() < 0.1 else ""
        kids.append(Child(family, sex, last, given, middle, born, level, home))
    return kids


def _age(r: random.Random, country: str) -> int:
    """The age reached in the year the school year begins; one French child in twenty is a year late or ahead."""
    if country == "FR":
        return r.randint(11, 14) + (r.choice((-1, 1)) if r.random() < 0.05 else 0)
    return r.choice((17, 17, 18, 18, 19, 20, 23, 28, 34, 41, 52))


def _near(r: random.Random, country: str, age: int) -> int:
    return r.randint(11, 14) if country == "FR" else max(17, age + r.choice((-3, -2, -1, 1, 2, 3)))


def _birthday(r: random.Random, year: int) -> dt.date:
    return dt.date(year, 1, 1) + dt.timedelta(days=r.randrange(365))


def _home(r: random.Random, country: str) -> Home:
    code, town = r.choice(TOWNS[country])
    more = r.choice(MORE) if r.random() < 0.15 else ""
    return Home(f"{r.randint(1, 220)}{',' if country == 'CA' else ''} {r.choice(STREETS)}", more, code, town)


def slug(text: str) -> str:
    """A name as it stands in an address: plain letters and digits."""
    return re.sub(r"[^a-z0-9]", "", fold(text))


def _phone(r: random.Random, country: str) -> tuple[str, str]:
    """A number as its owner writes it, and the dialled form."""
    if country == "CA":
        area, end = r.choice(("418", "514", "450", "819")), f"{r.randrange(100, 200):04d}"
        return f"{area} 555-{end}", f"+1{area}555{end}"
    digits = (f"063998{r.randrange(10000):04d}") if r.random() < 0.85 else f"019900{r.randrange(10000):04d}"
    pairs = " ".join(digits[i : i + 2] for i in range(0, 10, 2))
    return (digits if r.random() < 0.1 else pairs), f"+33{digits[1:]}"


def _add_guardians(r: random.Random, country: str, year: int, kids: list[Child], adults: list[Adult], *, separated: bool) -> None:
    """The family's guardians: both parents, one, two mothers, a tutor, a grandmother...; about three couples in ten live apart."""
    draw = r.random() * (0.62 if separated else 1)
    shape = next((who for share, who in SHAPES if draw < share), ())
    if year - kids[0].born_on.year > 20:  # adults seldom name somebody to call
        shape = shape[:1] if r.random() < 0.2 else ()
    apart = separated or (len(shape) > 1 and r.random() < 0.3)
    for rank, (relation, sex) in enumerate(shape):
        away = (apart and rank == 1) or relation == "grandparent"
        own = relation == "father" or r.random() < 0.5
        last = kids[0].family_name if own else r.choice(LAST[country])
        given = r.choice(FIRST[sex])
        number = len(adults) + (1 if country == "FR" else 5001)
        email = f"{slug(given)}.{slug(last)}{number}@example.org" if r.random() < 0.9 else ""
        phone, dialled = _phone(r, country) if r.random() < 0.93 else ("", "")
        adults.append(Adult(sex, last, given, email, phone, dialled, _home(r, country) if away else kids[0].home))
        for kid in kids:
            of_age = year - kid.born_on.year > 18
            authority = "contact" if relation == "grandparent" or of_age else "legal"
            kid.ties.append(Tie(len(adults) - 1, relation, authority))


def _number(r: random.Random, country: str, year: int, children: list[Child]) -> None:
    """Identifiers, local numbers, and the e-mail and phone of those who have one. A few national identifiers are unknown yet."""
    used: set[str] = set()
    for rank, child in enumerate(children):
        unknown = r.random() < 0.02
        while not child.national_id or child.national_id in used:
            child.national_id = _ine(r) if country == "FR" else _permanent_code(r, child)
        used.add(child.national_id)
        if unknown:
            child.national_id = ""
        if country == "FR":
            child.local_id = f"{4000 + rank}"
            if child.level >= 2 and r.random() < 0.5:
                child.email = f"{slug(child.given_name)}.{slug(child.family_name)}{9000 + rank}@example.org"
        else:
            child.local_id = f"{r.choice((year - 1, year)) % 100:02d}{99000 + rank:05d}"
            child.email = f"{slug(child.given_name)}.{slug(child.family_name)}{rank}@etudiant.example.org"
            child.phone = _phone(r, country)[0]
            child.candidate = year - child.born_on.year > 20 or r.random() < 0.1


def _ine(r: random.Random) -> str:
    """An INE of the range that begins with 99; one in seven has the older form, whose key is known."""
    if r.random() < 0.15:
        digits = f"99{r.randrange(10**8):08d}"
        return digits + KEY_LETTERS[int(digits) % len(KEY_LETTERS)]
    return f"99{r.randrange(10**7):07d}{r.choice('ABCDEFGHJK')}{r.choice('ABCDEFGHJK')}"


def _permanent_code(r: random.Random, child: Child) -> str:
    """Three letters of the name, one of the given name, the birth date with its offsets, a last number that is hardly ever given (90 to 99)."""
    last = (re.sub(r"[^a-z]", "", fold(child.family_name)).upper() + "XXX")[:3]
    born = child.born_on
    day = born.day + (CENTURY_OFFSET if born.year >= 2000 else 0)
    month = born.month + (FEMALE_OFFSET if child.sex == "F" else 0)
    return f"{last}{slug(child.given_name)[:1].upper()}{day:02d}{month:02d}{born.year % 100:02d}{r.randrange(90, 100)}"


def _classes(country: str, children: list[Child]) -> None:
    """Classes of about 25 (6e Bleue, 6e Verte...), twins apart when there are two; candidates belong to none."""
    for level, name in enumerate(LEVELS[country]):
        mine = [child for child in children if child.level == level and not child.candidate]
        count = max(1, round(len(mine) / CLASS_SIZE))
        for rank, child in enumerate(mine):
            number = rank % count
            colour = COLOURS[number] if country == "FR" and number < len(COLOURS) else str(number + 1)
            child.klass = f"{name} {colour}"
