"""Log lines: one form for all, the request's id in each, nothing secret in any."""

import json
import logging

import pytest
import structlog

from shared.runtime.logging import HIDDEN, configure_logging, redact, request_id


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_our_lines_and_those_of_libraries_have_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.get_logger("ours").info("it_happened", connection="c1")
    logging.getLogger("library").warning("said %s", "something", extra={"cause": "why"})
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["level"], ours["connection"]) == ("it_happened", "info", "c1")
    assert (theirs["event"], theirs["level"], theirs["cause"]) == ("said something", "warning", "why")
    assert ours.keys() - {"connection"} == theirs.keys() - {"cause"}


def test_a_line_names_the_request_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    token = request_id.set("r-1")
    logging.getLogger("library").error("failed")
    request_id.reset(token)
    logging.getLogger("library").error("failed")
    first, second = lines(capsys)
    assert first["request_id"] == "r-1"
    assert "request_id" not in second


def test_an_exception_is_logged_with_its_secrets_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    try:
        raise RuntimeError("cannot reach postgresql://user:canary@host/name")
    except RuntimeError:
        logging.getLogger("library").exception("failed")
    assert "canary" not in str(lines(capsys)[0])


@pytest.mark.parametrize(
    "event",
    [
        {"password": "canary"},
        {"smtp_password": "canary"},
        {"headers": {"Authorization": "canary"}},
        {"rows": [{"api_token": "canary"}]},
        {"secrets": ["canary"]},
        {"event": "GET /register?token=canary&x=1"},
        {"event": "https://host/join#token=canary"},
        {"event": "authorization: Bearer canary"},
        {"url": "postgresql://user:canary@host/name"},
    ],
)
def test_secrets_do_not_reach_a_line(event: dict[str, object]) -> None:
    shown = str(redact(None, "info", dict(event)))
    assert "canary" not in shown
    assert HIDDEN in shown


def test_what_is_not_secret_is_left_alone() -> None:
    event = {"event": "settled", "code": "not_found", "tokens": 3, "path": "/api/v1/keys", "detail": "state=open"}
    assert redact(None, "info", dict(event)) == event
