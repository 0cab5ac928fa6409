"""Every component renders, says what it must, and lets nothing through that could become markup."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import UndefinedError
from jinja2.runtime import Macro
from markupsafe import Markup

from shared.interface.frame import Frame
from shared.interface.rendering import Pages, Surroundings

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
LINK = {"text": "Go", "href": "/go"}
STEP = {"title": "Step", "state": "current", "text": "Text", "at": NOW}
NODE = {"title": "Leaf", "state": "red", "text": "Text", "href": "/fix", "link_text": "Fix"}
COLUMN = {"key": 0, "label": "Number", "href": "?sort=n", "sort": "ascending", "align": "end"}

EVERY_ARGUMENT: dict[str, dict[str, Any]] = {
    "icon": {"name": "check"},
    "page_heading": {"title": "T", "lead": "L", "eyebrow": "E", "back": LINK},
    "section": {"title": "T", "id": "i", "text": "X"},
    "card": {"title": "T", "level": "2", "tone": "error"},
    "stats": {},
    "stat": {"label": "L", "value": "V", "text": "X", "tone": "error", "href": "/h"},
    "tabs": {"items": [{**LINK, "current": True, "count": 3}], "label": "L"},
    "banner": {"tone": "error", "title": "T", "text": "X", "link": LINK, "live": True},
    "badge": {"text": "T", "tone": "success"},
    "empty_state": {"title": "T", "text": "X", "icon_name": "inbox"},
    "link": {"text": "T", "href": "/h"},
    "cell": {"value": {"text": "T", "tone": "error"}},
    "definitions": {"rows": [("Term", "Value"), ("Term", LINK), ("Term", {"code": "C"}), ("Term", {"ago": NOW})]},
    "data_table": {"columns": [COLUMN], "rows": [["R1"], [LINK]], "caption": "C", "show_caption": True},
    "pagination": {"previous_href": "/p", "next_href": "/n", "text": "X"},
    "form": {"action": "/a", "csrf_token": "T", "label": "L", "wide": True},
    "confirm_form": {
        "action": "/a", "csrf_token": "T", "title": "T", "text": "X", "button_text": "B", "kind": "danger",
        "typed": "name", "typed_error": "E", "fields": [("n", "v")], "cancel_href": "/c",
    },
    "fragment_form": {"action": "/a", "csrf_token": "T", "button_text": "B", "name": "token"},
    "field": {
        "name": "n", "label": "L", "type": "text", "value": "V", "hint": "H", "error": "E", "required": True,
        "autocomplete": "off", "inputmode": "text", "maxlength": "9", "mono": True,
    },
    "textarea": {
        "name": "n", "label": "L", "value": "V", "hint": "H", "error": "E", "required": True, "rows": "4", "mono": True,
    },
    "select": {
        "name": "n", "label": "L", "options": [("o", "O")], "value": "o", "hint": "H", "error": "E",
        "required": True, "empty": True,
    },
    "checkbox": {"name": "n", "label": "L", "value": "V", "checked": True, "hint": "H", "error": "E"},
    "radios": {"name": "n", "legend": "L", "options": [("a", "A", "H"), ("b", "B", "H")], "value": "a", "error": "E"},
    "error_summary": {"errors": {"name": "E", "": "Whole"}},
    "button": {
        "text": "T", "kind": "primary", "type": "button", "name": "n", "value": "v", "icon_name": "plus",
        "disabled": True,
    },
    "button_link": {"text": "T", "href": "/h", "kind": "primary", "icon_name": "plus"},
    "hidden": {"name": "n", "value": "v"},
    "step_list": {"items": [STEP], "label": "L", "poll_url": "/p", "seconds": "2"},
    "progress_steps": {"items": [STEP], "label": "L", "poll_url": "/p", "seconds": "2"},
    "progress": {"label": "L", "value": 1, "maximum": 2, "text": "X"},
    "timeline": {"events": [{"at": NOW, "title": "T", "text": "X", "actor": "A", "tone": "error"}], "label": "L"},
    "copy_field": {"label": "L", "value": "V", "id": "i", "hint": "H"},
    "fingerprint": {"value": "abcdefgh", "label": "L"},
    "comparison_code": {"code": "7KQ2-M9XT", "text": "X"},
    "code_block": {"text": "T", "label": "L"},
    "health_tree": {"nodes": [{**NODE, "children": [NODE]}], "label": "L"},
    "bar_chart": {"points": [{"label": "00:00", "value": 3, "failed": 1}], "title": "T", "unit": "U"},
    "heartbeat_bar": {"points": [{"label": "00:00", "state": "up"}], "title": "T", "text": "X"},
}  # fmt: skip


@pytest.fixture(scope="module")
def ui() -> Any:
    surroundings = Surroundings(lambda _: Frame("n"), clock=lambda: NOW)
    pages = Pages([], product="P", side="Provider", surroundings=surroundings)
    return pages.environment.get_template("components.html").make_module()


def render(macro: Macro, arguments: dict[str, Any]) -> str:
    body = {"caller": lambda: Markup("<i>body</i>")} if macro.caller else {}
    return str(macro(**arguments, **body))


def attacked_with(text: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: with_every_text(value, text) for name, value in arguments.items()}


def with_every_text(value: Any, text: str) -> Any:
    """The same structure with every string replaced, and the one key that is data, a wrong field's name, too."""
    match value:
        case str():
            return text
        case dict():
            return {text if key == "name" else key: with_every_text(item, text) for key, item in value.items()}
        case list() | tuple():
            return type(value)(with_every_text(item, text) for item in value)
        case _:
            return value


class Markings(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_every_component_is_in_the_table_with_all_its_arguments(ui):
    macros = {name: macro for name in dir(ui) if isinstance(macro := getattr(ui, name), Macro)}
    assert {name: set(macro.arguments) for name, macro in macros.items()} == {
        name: set(arguments) for name, arguments in EVERY_ARGUMENT.items()
    }


@pytest.mark.parametrize("name", EVERY_ARGUMENT)
def test_a_component_renders_the_same_tags_whatever_the_texts_say(ui, name):
    macro, arguments = getattr(ui, name), EVERY_ARGUMENT[name]
    evil = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
    honest = Markings(render(macro, attacked_with("honest", arguments)))
    attacked = Markings(render(macro, attacked_with(evil, arguments)))
    assert {"script", "img"}.isdisjoint(attacked.tags)
    assert [key for key, _ in attacked.attributes] == [key for key, _ in honest.attributes]


@pytest.mark.parametrize("name", EVERY_ARGUMENT)
def test_no_component_links_to_a_script_or_carries_inline_code(ui, name):
    markings = Markings(render(getattr(ui, name), attacked_with("javascript:alert(1)", EVERY_ARGUMENT[name])))
    addresses = [value for key, value in markings.attributes if key in {"href", "action", "src", "data-hx-get"}]
    assert all(address in {"about:invalid", ""} or str(address).startswith("#field-") for address in addresses)
    assert [key for key, _ in markings.attributes if key == "style" or key.startswith("on")] == []


@pytest.mark.parametrize("name", EVERY_ARGUMENT)
def test_a_component_renders_with_its_real_arguments(ui, name):
    assert render(getattr(ui, name), EVERY_ARGUMENT[name]).strip() or name == "stats"


def test_a_field_names_its_hint_and_its_error_for_a_screen_reader(ui):
    attributes = dict(Markings(render(ui.field, EVERY_ARGUMENT["field"])).attributes)
    assert attributes["aria-describedby"] == "field-n-hint field-n-error"
    assert attributes["aria-invalid"] == "true"


def test_a_changing_form_posts_the_session_s_token(ui):
    for name in ("form", "confirm_form", "fragment_form"):
        markings = Markings(render(getattr(ui, name), {**EVERY_ARGUMENT[name], "csrf_token": "tok"}))
        assert ("method", "post") in markings.attributes
        assert ("name", "csrf_token") in markings.attributes
        assert ("value", "tok") in markings.attributes


@pytest.mark.parametrize(
    ("state", "word"), [("green", "Healthy"), ("grey", "Not in use"), ("yellow", "Degraded"), ("red", "Failed")]
)
def test_a_health_colour_is_always_said_in_words(ui, state, word):
    assert word in str(ui.health_tree([{"title": "Part", "state": state}]))


def test_a_list_still_in_progress_asks_for_itself_and_a_settled_one_does_not(ui):
    assert "data-hx-get" in str(ui.step_list([STEP], "Steps", "/steps"))
    assert "data-hx-get" not in str(ui.step_list([STEP], "Steps"))


def test_an_empty_chart_is_no_error(ui):
    assert "<svg" in str(ui.bar_chart([], "Nothing"))
    assert "<svg" in str(ui.heartbeat_bar([], "Nothing"))


def test_a_forgotten_value_is_an_error_and_not_a_blank(ui):
    with pytest.raises(UndefinedError):
        ui.tabs([{"href": "/x", "current": False}], "L")
