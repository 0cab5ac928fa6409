"""Nothing a page shows is without its translation, in every language there is a catalogue of."""

import ast
import json
import re
from pathlib import Path

import pytest

from shared.interface.languages import ENGLISH
from shared.wire.states import ConnectionState, KeyState, LinkStatus, ProviderConnectionState, RegistrationState
from tests.architecture.sentences import ROOT, of_console, of_errors_and_findings

SHELL = ROOT / "shared" / "interface" / "locales"
SERVICES = {
    "provider_service": (RegistrationState, ConnectionState, LinkStatus, KeyState),
    "consumer_service": (ProviderConnectionState, ConnectionState, LinkStatus, KeyState),
}
LANGUAGES = sorted(path.stem for path in SHELL.glob("*.json"))
TEMPLATES = {service: ROOT / service / "console" / "templates" for service in SERVICES}
MAILS = {service: ROOT / service / "mail" / "templates" for service in SERVICES}
BLANK = re.compile(r"{\w+}")


def catalogue(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


def catalogues(service: str, language: str) -> dict[str, str]:
    return catalogue(SHELL / f"{language}.json") | catalogue(
        ROOT / service / "console" / "locales" / f"{language}.json"
    )


def unnamed(sentences: set[str]) -> dict[str, str]:
    """Sentences by their text with nameless blanks: what a blank is called matters to nobody."""
    return {BLANK.sub("{}", sentence): sentence for sentence in sentences}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_page_is_translated(service: str, language: str) -> None:
    said = of_console(service) | of_console("shared/interface")
    assert sorted(said - catalogues(service, language).keys()) == []


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_finding_and_diagnosis_is_translated(service: str, language: str) -> None:
    known = unnamed(set(catalogues(service, language)))
    found = unnamed(of_errors_and_findings(service, "shared"))
    assert len(found) > 500
    assert sorted(found[text] for text in found.keys() - known.keys()) == []


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_a_word(service: str, language: str) -> None:
    states = {str(state) for kind in SERVICES[service] for state in kind}
    assert sorted(states - catalogues(service, language).keys()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_their_blanks(language: str) -> None:
    for path in ROOT.glob(f"*_service/console/locales/{language}.json"):
        sentences = catalogue(path) | catalogue(SHELL / path.name)
        assert [text for text, said in sentences.items() if set(BLANK.findall(text)) != set(BLANK.findall(said))] == []


def test_a_language_of_one_side_is_one_of_the_other_and_of_the_shell() -> None:
    for service in SERVICES:
        assert sorted(path.stem for path in (ROOT / service / "console" / "locales").glob("*.json")) == LANGUAGES
    assert {"de", "ja"} <= set(LANGUAGES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_person_may_choose_every_language_and_gets_mails_in_it(service: str) -> None:
    offered = re.search(
        r'"language", t\("Language"\), (\[.*?\])', (TEMPLATES[service] / "parts.html").read_text("utf-8")
    )
    assert offered
    assert sorted(tag for tag, _ in ast.literal_eval(offered[1])) == sorted([ENGLISH, *LANGUAGES])
    mails = {path.name: {one.name for one in path.iterdir()} for path in MAILS[service].iterdir() if path.is_dir()}
    assert mails == dict.fromkeys([ENGLISH, *LANGUAGES], mails[ENGLISH])
