"""Headings as schools write them, understood as columns."""

import pytest

from jobs.columns import guardian_heading, implied_ties, key_of, kind_of, map_columns
from models.import_fields import BY_HEADINGS, FIELDS, model_headings


@pytest.mark.parametrize(
    ("heading", "key"),
    [
        ("NOM ", "family_name"),
        ("Nom d'usage élève", "usage_name"),
        ("Premier prénom*", "given_name"),
        ("Né(e) le", "born_on"),
        ("Date de naissance*", "born_on"),
        ("I.N.E.", "national_id"),
        ("Code permanent", "national_id"),
        ("N° INE", "national_id"),
        ("Numéro d’identifiant national", "national_id"),
        ("N° de téléphone", "phone"),
        ("Notes", ""),
        ("N° DA", "local_id"),
        ("Tél. portable", "mobile"),
        ("Adresse e-mail", "email"),
        ("CP", "postal_code"),
        ("Municipalité", "town"),
        ("Groupe-repère", "homeroom"),
        ("\ufeffClasse", "homeroom"),
        ("Élèves", "full_name"),
        ("responsable1_nom", "g1.family_name"),
        ("Nom responsable 1", "g1.family_name"),
        ("Mère nom", "g1.family_name"),
        ("Courriel de la mère", "g1.email"),
        ("Père - Tél.", "g2.phone"),
        ("Repr. Lég. 1 Nom", "g1.family_name"),
        ("Prénom Resp. légal 2", "g2.given_name"),
        ("Email responsable3", "g3.email"),
        ("Lien de parenté responsable 2", "g2.relation"),
        ("responsable4_nom", ""),
        ("role", ""),
        ("school_id", ""),
        ("password_hash", ""),
        ("", ""),
    ],
)
def test_a_heading_is_understood_under_its_many_names(heading, key):
    assert key_of(heading, "students") == key


def test_a_mother_and_a_father_say_their_tie_by_themselves():
    assert guardian_heading("Nom de la mère") == (1, "family_name", "mother")
    header = ["nom", "Nom de la mère", "Nom du père"]
    assert implied_ties(header, map_columns(header, "students")) == {1: "mother", 2: "father"}


def test_the_first_of_two_columns_of_one_name_keeps_it():
    assert map_columns(["nom", "Nom", "prenom"], "students") == ["family_name", "", "given_name"]


def test_the_second_home_of_onde_is_not_a_second_line_of_the_address():
    assert map_columns(["Adresse1", "Cp1", "Adresse2", "Cp2"], "students") == ["address1", "postal_code", "", ""]


@pytest.mark.parametrize(
    ("header", "name", "kind"),
    [
        (["nom", "prenom", "date_naissance"], "x.csv", "students"),
        (["Nom", "Prénom", "Classe", "responsable1_nom"], "x.csv", "students"),
        (["identifiant", "civilite", "nom", "prenom", "courriel"], "x.csv", "guardians"),
        (["nom", "prenom", "courriel"], "responsables.csv", "guardians"),
        (["Civilité Responsable", "Nom responsable", "Prénom responsable"], "x.csv", "guardians"),
        (["eleve", "responsable", "code_parente"], "x.csv", "links"),
        (["couleur", "taille"], "x.csv", "students"),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_columns(header, name, kind):
    assert kind_of(header, name) == kind


@pytest.mark.parametrize("kind", BY_HEADINGS)
def test_every_heading_that_we_offer_is_understood(kind):
    for field in FIELDS[kind].values():
        assert key_of(field.heading, kind) == field.key


def test_the_model_file_names_each_column_once():
    headings = model_headings()
    assert len(headings) == len(set(headings))
    assert [key_of(h, "students") for h in headings].count("") == 0
