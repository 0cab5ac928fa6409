"""Finished sentences are found in the catalogue with their values; everybody's own words stay as they are."""

from shared.interface.languages import Languages, Told, translate
from shared.interface.recognition import TEXT_LIMIT, Recogniser

GERMAN = {
    "Closed": "Geschlossen",
    "The contact {name} is not active": "Der Kontakt {name} ist nicht aktiv",
    "The contact {name} of {company} is not active": "Der Kontakt {name} von {company} ist nicht aktiv",
    "{number} is {state}": "{number} ist {state}",
    "The check could not be carried out: {detail}": "Die Prüfung war nicht durchführbar: {detail}",
    "Stop it.": "Halten Sie sie an.",
}


def test_values_are_read_back_from_the_text() -> None:
    said = Recogniser(GERMAN).said
    assert said("The contact Ann is not active") == "Der Kontakt Ann ist nicht aktiv"
    assert said("The contact Ann of Desk & Co is not active") == "Der Kontakt Ann von Desk & Co ist nicht aktiv"


def test_a_state_is_translated_and_a_name_is_not() -> None:
    said = Recogniser(GERMAN).said
    assert said("REG0000001 is Closed") == "REG0000001 ist Geschlossen"
    assert said("The contact Closed is not active") == "Der Kontakt Closed ist nicht aktiv"


def test_a_sentence_within_a_sentence_is_translated_too() -> None:
    told = Recogniser(GERMAN).said("The check could not be carried out: The contact Ann is not active")
    assert told == "Die Prüfung war nicht durchführbar: Der Kontakt Ann ist nicht aktiv"


def test_braces_in_a_value_are_not_filled_in() -> None:
    said = Recogniser({"{a} meets {b}": "{b} trifft {a}"}).said
    assert said("{b} meets {a}") == "{a} trifft {b}"


def test_what_no_sentence_fits_stays_as_it_is() -> None:
    said = Recogniser(GERMAN).said
    for text in (
        "",
        "A peer's own words",
        "The contact  is not activ",
        "The contact " + "x" * TEXT_LIMIT + " is not active",
    ):
        assert said(text) == text


def test_a_hostile_text_that_fits_almost_everywhere_is_given_back() -> None:
    catalogue = {" ".join("{" + f"b{n}" + "}" for n in range(8)) + " end": "..."}
    hostile = "a " * (TEXT_LIMIT // 2 - 1) + "!"
    assert Recogniser(catalogue).said(hostile) == hostile


def test_several_sentences_are_translated_one_by_one() -> None:
    told = Told.of(("The contact Ann is not active", "", "Stop it."))
    assert told == "The contact Ann is not active. Stop it."
    with Languages({"de": GERMAN}).speaking("de"):
        assert translate(told) == "Der Kontakt Ann ist nicht aktiv. Halten Sie sie an."
        assert translate("{what}!", what=Told.of(["Stop it."])) == "Halten Sie sie an.!"
        assert translate("{what}!", what="Stop it.") == "Stop it.!"
    assert translate(told) == told


def test_japanese_sentences_end_and_follow_each_other_without_a_blank() -> None:
    japanese = {"Stop it.": "停止してください。", "It is {state}": "状態は{state}です", "Up": "正常"}
    with Languages({"ja": japanese}).speaking("ja"):
        assert translate(Told.of(["It is Up", "Stop it.", "Hello."])) == "状態は正常です。停止してください。Hello。"
