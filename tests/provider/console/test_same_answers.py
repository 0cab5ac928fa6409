"""Whoever is not signed in learns nothing from an answer: the same bytes, whoever and whatever is known here."""

import re
from collections.abc import Mapping

import httpx
import pytest
from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyFacts, ContactFacts
from provider_service.audit.domain import SYSTEM
from provider_service.directory import service as directory
from tests.provider.console.world import World

pytestmark = pytest.mark.anyio

KNOWN, CONTACT, UNKNOWN = "ada@engines.example", "bea@engines.example", "cyd@engines.example"
"""Somebody with a user and a session, a contact without a user, nobody; their addresses are as long as one another."""

_OWN = ("date", "x-request-id", "ratelimit")
"""Headers that differ from answer to answer."""
_SECRETS = re.compile(r'(#token=|name="csrf_token" value=")[^"]+')

FLOWS: dict[str, tuple[int, dict[str, str], list[Mapping[str, str]]]] = {
    "/sign-up": (
        200,
        {"RequestTypeCd": "ORA_CSS_REQ_TYPE_CONTACT", "FirstName": "Zoe"},
        [
            {"EmailAddress": email, "AccountKey": key, "LoginId": login}
            for email in (KNOWN, CONTACT, UNKNOWN)
            for key, login in (("Engines", ""), ("Nothing", ""), ("Engines", "known-login"), ("Engines", "other-login"))
        ],
    ),
    "/sign-up/invitation": (
        410,
        {"token": "x" * 43, "accepted": "yes"},
        [{"EmailAddress": KNOWN, "LoginId": "known-login"}, {"EmailAddress": UNKNOWN, "LoginId": "other-login"}],
    ),
    "/password/forgot": (200, {}, [{"email": KNOWN}, {"email": CONTACT}, {"email": UNKNOWN}]),
    "/sign-in": (401, {"password": "not the right one"}, [{"email": KNOWN}, {"email": CONTACT}, {"email": UNKNOWN}]),
}


def told(answer: httpx.Response, given: Mapping[str, str]) -> tuple[int, list[tuple[str, str]], str]:
    """What an answer says, without what was typed, what is drawn anew each time, and what counts calls."""
    headers = [
        (name, value.partition("=")[0] if name == "set-cookie" else value)
        for name, value in sorted(answer.headers.items())
        if not name.startswith(_OWN)
    ]
    text = _SECRETS.sub(r"\1", answer.text)
    for typed in given.values():
        text = text.replace(typed, "typed") if typed else text
    return answer.status_code, headers, text


async def test_every_public_form_answers_the_same_bytes_whatever_is_known(world: World) -> None:
    def known(session: Session) -> None:
        by = {"actor": SYSTEM, "now": world.now()}
        accounts.create_company(session, CompanyFacts(name="Engines"), **by)
        accounts.create_contact(session, ContactFacts(email=CONTACT), **by)
        directory.add_user(session, email="dan@engines.example", login="known-login", name="Dan", **by)

    await world.context.database.write(known)
    await world.person(email=KNOWN)
    for path, (status, fields, variants) in FLOWS.items():
        answers = [told(await (await world.stranger()).post(path, **fields, **given), given) for given in variants]
        assert answers[0][0] == status
        for given, answer in zip(variants, answers, strict=True):
            assert answer == answers[0], (path, given)
