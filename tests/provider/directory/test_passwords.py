"""Leave to set a password: single use, limited in time, and silent about who exists."""

import re

import pytest

from provider_service.directory import deps, service
from provider_service.directory.domain import check_password
from provider_service.mail import service as mail
from provider_service.mail.domain import Handover
from shared.wire.errors import Gone, Invalid, TooMany, Unauthenticated
from shared.wire.states import Role

pytestmark = pytest.mark.anyio

NEW = "a completely different one"


def request_reset(house, email, address="192.0.2.1"):
    with house.context.database.transaction() as session:
        service.request_reset(session, email=email, address=address, instance="acme", now=house.clock())


def secrets_handed_over(house):
    """Claim the waiting mails as the worker does and return the secrets in their links."""
    renderer = service.link_renderer(house.context.settings.issuer)
    with house.context.database.transaction() as session:
        outgoing = mail.claim_due(
            session, mail.Desk("x@acme.example", {service.SECRET_KIND: renderer}), now=house.clock()
        )
        texts = [one.message.get_body(("plain",)).get_content() for one in outgoing]
        for one in outgoing:
            mail.settle(session, one.mail_id, Handover.DONE, now=house.clock())
    return [re.search(r"/set-password#token=(\S+)", text)[1] for text in texts]


def set_password(house, secret, password=NEW):
    return deps.set_password(house.context, secret=secret, password=password, address="192.0.2.1")


def sign_in(house, email, password):
    return deps.sign_in(house.context, email=email, password=password, address="192.0.2.1")


async def test_a_reset_link_sets_a_password_once_and_ends_every_session(house):
    person = house.person()
    cookie = house.cookie(person)
    request_reset(house, person.email.upper())
    (secret,) = secrets_handed_over(house)
    assert (await set_password(house, secret)).id == person.id
    assert (await sign_in(house, person.email, NEW)).person.id == person.id
    with pytest.raises(Unauthenticated), house.context.database.transaction() as session:
        service.resolve_session(session, cookie, address="", now=house.clock())
    with pytest.raises(Gone) as caught:
        await set_password(house, secret)
    assert caught.value.code == "link_invalid"


async def test_using_one_link_ends_the_other_links_and_waiting_mails(house):
    person = house.person()
    request_reset(house, person.email)
    request_reset(house, person.email)
    first, second = secrets_handed_over(house)
    request_reset(house, person.email)
    await set_password(house, first)
    with pytest.raises(Gone):
        await set_password(house, second)
    assert secrets_handed_over(house) == []


async def test_a_mail_handed_over_twice_has_two_links_for_one_use(house):
    person = house.person()
    request_reset(house, person.email)
    (first,) = secrets_handed_over(house)
    client = await house.client(Role.ADMIN)
    (listed,) = (await client.get("/api/v1/mails", params={"related_id": person.id})).json()["items"]
    await client.post(f"/api/v1/mails/{listed['id']}/resend")
    (second,) = secrets_handed_over(house)
    await set_password(house, first)
    with pytest.raises(Gone):
        await set_password(house, second)


async def test_a_link_expires(house):
    person = house.person()
    request_reset(house, person.email)
    (secret,) = secrets_handed_over(house)
    house.clock.advance(hours=1)
    with pytest.raises(Gone):
        await set_password(house, secret)


async def test_a_weak_password_leaves_the_link_usable(house):
    person = house.person(name="Ada Lovelace the First")
    request_reset(house, person.email)
    (secret,) = secrets_handed_over(house)
    with pytest.raises(Invalid) as caught:
        await set_password(house, secret, "ada lovelace the first")
    assert caught.value.code == "password_weak"
    await set_password(house, secret)


async def test_a_reset_writes_the_same_for_an_address_nobody_has(house):
    person = house.person()

    def rows():
        with house.context.database.transaction() as session:
            tables = ("audit_entries", "mails", "password_mails", "attempts")
            return [session.connection().exec_driver_sql(f"SELECT count(*) FROM {t}").scalar() for t in tables]

    before = rows()
    request_reset(house, person.email, "192.0.2.1")
    known = rows()
    request_reset(house, "nobody@example.com", "198.51.100.1")
    unknown = rows()
    assert [b - a for a, b in zip(before, known, strict=True)] == [b - a for a, b in zip(known, unknown, strict=True)]
    assert len(secrets_handed_over(house)) == 1


async def test_resets_of_one_account_stop_silently_and_of_one_address_aloud(house):
    person = house.person()
    for number in range(7):
        request_reset(house, person.email, f"192.0.2.{number}")
    assert len(secrets_handed_over(house)) <= 5
    for number in range(20):
        request_reset(house, f"somebody{number}@example.com", "198.51.100.9")
    with pytest.raises(TooMany):
        request_reset(house, "more@example.com", "198.51.100.9")


async def test_an_administrator_sends_leave_by_mail_or_shows_it_once(house):
    person = house.person(password=None)
    client = await house.client(Role.ADMIN)
    path = f"/api/v1/users/{person.id}/password-mail"
    assert (await client.post(path, json={})).status_code == 202
    assert len(secrets_handed_over(house)) == 1
    headers = {"idempotency-key": "link"}
    shown = await client.post(path, json={"delivery": "link"}, headers=headers)
    secret = shown.json()["link"].partition("#token=")[2]
    repeated = await client.post(path, json={"delivery": "link"}, headers=headers)
    assert repeated.json() == {"mail_id": None, "link": None}
    await set_password(house, secret)
    assert (await sign_in(house, person.email, NEW)).person.id == person.id


async def test_whoever_may_not_give_key_roles_cannot_take_over_somebody_who_has_them(house):
    keeper = house.person(Role.SN_KMF_ADMIN)
    client = await house.client(Role.ADMIN)
    path = f"/api/v1/users/{keeper.id}"
    link = await client.post(f"{path}/password-mail", json={"delivery": "link"})
    moved = await client.patch(path, json={"email": "mine@example.com"}, headers={"if-match": '"1"'})
    assert [answer.json()["code"] for answer in (link, moved)] == ["role_missing"] * 2


async def test_changing_ones_own_password_needs_the_old_one_and_ends_other_sessions(house):
    person = house.person()
    cookie = house.cookie(person)
    with house.context.database.transaction() as session:
        caller = service.resolve_session(session, cookie, address="", now=house.clock()).caller
    with pytest.raises(Unauthenticated):
        await deps.change_password(house.context, caller, old="not the old one at all", new=NEW)
    signed_in = await deps.change_password(house.context, caller, old="correct horse battery staple", new=NEW)
    with house.context.database.transaction() as session:
        with pytest.raises(Unauthenticated):
            service.resolve_session(session, cookie, address="", now=house.clock())
        assert (
            service.resolve_session(session, signed_in.cookie, address="", now=house.clock()).caller.user_id
            == person.id
        )


@pytest.mark.parametrize(
    "password", ["elevenchars", "x" * 257, "ada.lovelace@example.com", "Ada.Lovelace", "ADALOVELACE  ", "aaaaaaaaaaaaa"]
)
def test_a_weak_password_is_refused(password):
    with pytest.raises(Invalid) as caught:
        check_password(password, email="ada.lovelace@example.com", name="Ada Lovelace")
    assert caught.value.code == "password_weak"


@pytest.mark.parametrize("password", ["twelve chars", "correct horse battery staple", "ünïcödé wörds"])
def test_length_is_all_a_password_needs(password):
    check_password(password, email="ada@example.com", name="Ada")
