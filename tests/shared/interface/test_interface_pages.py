"""Whole pages: frame, language, messages, static files."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from jinja2 import UndefinedError
from starlette.requests import Request
from starlette.responses import Response

from shared.interface import formats
from shared.interface.assets import OWN_STATIC, Assets
from shared.interface.cookies import cookie_name
from shared.interface.csrf import csrf_token
from shared.interface.flash import Flashes, FlashMessage
from shared.interface.frame import Frame, NavigationGroup, NavigationItem
from shared.interface.languages import OWN_CATALOGUES, Languages
from shared.interface.rendering import OWN_TEMPLATES

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)


def client_of(app) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://north.example")


async def test_a_page_says_whose_it_is_and_where_one_is(console):
    async with client_of(console(side="Consumer")) as client:
        text = (await client.get("/gallery")).text
    assert '<html lang="en" data-side="consumer">' in text
    assert '<span class="side-badge">Consumer</span>' in text
    assert text.count('aria-current="page"') == 2  # the navigation's entry and the sample tab


async def test_a_problem_page_says_what_why_and_what_to_do_and_escapes_it(console):
    async with client_of(console()) as client:
        answer = await client.get("/problem")
    assert answer.status_code == 503
    for words in ("The other side does not answer", "&lt;script&gt;cause", "Try again at noon", "unavailable", "req-1"):
        assert words in answer.text
    assert "<script>cause" not in answer.text


@pytest.mark.parametrize(
    ("accepted", "language", "words"),
    [("de-AT,de;q=0.9,en;q=0.5", "de", "Was geschehen ist"), ("ja,en-US;q=0.7", "ja", "発生した内容")],
)
async def test_a_browser_is_answered_in_its_language(console, accepted, language, words):
    async with client_of(console()) as client:
        answer = await client.get("/problem", headers={"accept-language": accepted})
    assert f'<html lang="{language}"' in answer.text
    assert words in answer.text
    assert answer.headers["content-language"] == language


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("de", "en", "de"),
        ("ja-JP", "en", "ja"),
        ("xx", "de", "de"),
        (None, "fr, de;q=0.2", "de"),
        (None, "fr", "en"),
        (None, None, "en"),
        (None, "de;q=0", "en"),
        (None, "de;q=x, en", "en"),
    ],
)
def test_the_language_is_the_person_s_choice_then_the_browser_s_then_english(chosen, accepted, language):
    assert Languages().preferred(chosen, accepted) == language


def test_every_sentence_of_the_shell_and_the_components_is_translated():
    sentences = set()
    for template in OWN_TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        sentences |= set(re.findall(r"""\bt\("([^"]+)\"""", text)) | set(re.findall(r"""\bt\('([^']+)'""", text))
        for words in re.findall(r"_words = (\{.*?\})", text):
            sentences |= set(re.findall(r': "([^"]+)"', words))
    assert {language: sentences - said.keys() for language, said in OWN_CATALOGUES.items()} == {
        "de": set(),
        "ja": set(),
    }
    assert len(sentences) > 30


async def test_a_page_whose_template_misses_a_value_fails_instead_of_showing_a_hole(console, tmp_path: Path):
    (tmp_path / "hole.html").write_text("{{ nothing_here }}")
    async with client_of(console(tmp_path)) as client:
        with pytest.raises(UndefinedError):
            await client.get("/template/hole.html")


async def test_a_service_s_own_template_is_escaped_too(console, tmp_path: Path, evil):
    (tmp_path / "own.html").write_text(
        '{% extends "shell.html" %}{% block title %}{{ evil }}{% endblock %}{% block main %}{{ evil }}{% endblock %}'
    )
    async with client_of(console(tmp_path)) as client:
        text = (await client.get("/template/own.html")).text
    assert "alert(1)" in text
    assert "<script>alert" not in text


async def test_a_message_is_shown_on_the_next_page_once(console):
    form = {"csrf_token": csrf_token(b"a session's secret"), "token": "<b>it</b>"}
    async with client_of(console(issuer="http://north.example")) as client:
        moved = await client.post("/gallery/join", data=form, headers={"origin": "http://north.example"})
        assert moved.status_code == 303
        first = await client.get("/problem")
        second = await client.get("/problem")
    assert "Saved &lt;b&gt;it" in first.text
    assert "Saved" not in second.text


async def test_a_form_without_the_token_is_answered_with_the_problem_page(console):
    async with client_of(console(issuer="http://north.example")) as client:
        refused = await client.post("/gallery/join", data={}, headers={"origin": "http://north.example"})
    assert refused.status_code == 403
    assert "<code>csrf</code>" in refused.text


def flashes(instance: str = "a", secret: bytes = b"s", now: float = 1000.0, *, secure: bool = True) -> Flashes:
    return Flashes(secret, instance_id=instance, secure=secure, clock=lambda: now)


def request_with(cookie: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", cookie.encode("latin-1"))]})


def left_by(writer: Flashes) -> str:
    response = Response()
    writer.add(response, FlashMessage("success", "Saved"), FlashMessage("warning", "Übrigens"))
    return response.headers["set-cookie"]


def test_messages_come_back_as_they_were_left():
    cookie = left_by(flashes()).partition(";")[0]
    assert flashes().read(request_with(cookie)) == [
        FlashMessage("success", "Saved"),
        FlashMessage("warning", "Übrigens"),
    ]


def test_forged_broken_foreign_and_old_messages_are_not_shown():
    cookie = left_by(flashes()).partition(";")[0]
    name, _, value = cookie.partition("=")
    body, _, signature = value.partition(".")
    for forged in ("", ".", "x.y", f"{body}x.{signature}", f"{body}.{signature[:-1]}0g", f"{body}.", "\xe9.\xe9"):
        assert flashes().read(request_with(f"{name}={forged}")) == []
    assert flashes(secret=b"other").read(request_with(cookie)) == []
    assert flashes(instance="b").read(request_with(cookie.replace(name, cookie_name("flash", "b", secure=True)))) == []
    assert flashes(now=1061).read(request_with(cookie)) == []


def test_two_instances_on_one_host_use_different_cookies_and_https_locks_them_to_the_host():
    assert cookie_name("session", "a", secure=True) != cookie_name("session", "b", secure=True)
    assert cookie_name("session", "a", secure=True).startswith("__Host-session-")
    assert cookie_name("session", "a", secure=False).startswith("session-")
    assert "; Secure" in left_by(flashes())
    assert "; Secure" not in left_by(flashes(secure=False))
    assert "HttpOnly" in left_by(flashes())


async def test_a_static_file_is_kept_for_a_year_under_its_content_s_name_only(console):
    url = Assets().url("app.css")
    async with client_of(console()) as client:
        fresh = await client.get(url)
        stale = await client.get("/static/000000000000/app.css")
        missing = [
            (await client.get(f"/static/0/{name}")).status_code
            for name in ("none.css", "%2e%2e/assets.py", "%2Fetc%2Fpasswd")
        ]
    assert fresh.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert fresh.headers["content-type"].startswith("text/css")
    assert stale.headers["cache-control"] == "no-cache"
    assert missing == [404, 404, 404]


def test_a_changed_file_has_a_new_address_and_a_service_s_file_wins(tmp_path: Path):
    (tmp_path / "app.css").write_text("body{}")
    assert Assets([tmp_path]).url("app.css") != Assets().url("app.css")
    with pytest.raises(KeyError):
        Assets().url("none.css")


def test_the_vendored_script_is_the_file_its_note_describes():
    note = (OWN_STATIC / "htmx.LICENSE.txt").read_text(encoding="utf-8")
    assert hashlib.sha256((OWN_STATIC / "htmx.min.js").read_bytes()).hexdigest() in note


@pytest.mark.parametrize(
    ("path", "current"),
    [("/", "/"), ("/a", "/a"), ("/a/1", "/a"), ("/a/b/2", "/a/b"), ("/ab", ""), ("/c", "")],
)
def test_the_navigation_knows_where_one_is(path, current):
    items = [NavigationItem("Start", "/"), NavigationItem("A", "/a"), NavigationItem("B", "/a/b")]
    assert Frame("n", [NavigationGroup("", items)]).current_href(path) == current


def test_instants_are_written_in_utc_with_their_machine_form():
    vienna = datetime.fromisoformat("2026-11-21T02:30:00+01:00")
    assert (
        str(formats.time(vienna))
        == '<time datetime="2026-11-21T01:30:00Z" title="2026-11-21 01:30 UTC">2026-11-21 01:30 UTC</time>'
    )
    assert formats.time(None) == formats.ago(None, NOW) == "\N{EN DASH}"
    with pytest.raises(ValueError, match="time zone"):
        formats.time(datetime(2026, 11, 21))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (59, "59 s ago"), (60, "1 min ago"), (7200, "2 h ago"), (172800, "2 d ago"), (-90, "in 1 min")],
)
def test_instants_near_now_are_told_by_distance(seconds, words):
    assert words in str(formats.ago(NOW - timedelta(seconds=seconds), NOW))


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1536, "1.5 kB"), (2_000_000, "2.0 MB"), (5e15, "5000.0 TB")]
)
def test_sizes_are_written_in_units(count, words):
    assert formats.size(count) == words


def test_numbers_are_grouped_without_a_comma_or_a_point():
    assert formats.number(1234567) == "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:x",
        "data:text/html,x",
        "vbscript:x",
        "http://[bad",
    ],
)
def test_an_address_that_runs_code_leads_nowhere(address):
    assert formats.href(address) == "about:invalid"


@pytest.mark.parametrize("address", ["/a", "?b=c", "#d", "https://e.example", "mailto:f@g.example", "", "a/b:c"])
def test_an_honest_address_is_left_alone(address):
    assert formats.href(address) == address
