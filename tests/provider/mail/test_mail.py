"""The mail queue: claimed once, rendered with secrets at hand-over, retried, settled and visible."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP

import pytest

from provider_service.audit.domain import SYSTEM
from provider_service.mail import service
from provider_service.mail.domain import GIVE_UP_AFTER, LEASE, Handover, Template, canonical_address, is_reserved
from provider_service.mail.rendering import LANGUAGES, render
from provider_service.mail.service import Desk
from shared.wire.errors import Conflict, Invalid
from shared.wire.states import Role

pytestmark = pytest.mark.anyio

INVITATION = {
    "name": "Ada <b>",
    "company": "Engines",
    "provider": "acme",
    "number": "REG0000001",
    "consumer_url": "https://consumer.example.com",
    "support_contact": "help@example.com",
    "hours": 72,
    "link": {"secret": "invitation:i1"},
}


def desk(link: str | None = "https://x.example/#token=s3cret") -> Desk:
    return Desk("Acme <exchange@acme.example>", {"invitation": lambda _session, _reference, _now: link})


def queue(house, **changes) -> str:
    given = {"to": "ada@example.com", "template": "registration_invitation", "language": "en"} | changes
    with house.context.database.transaction() as session:
        return service.enqueue(
            session,
            **given,
            parameters=INVITATION,
            related_type="registration",
            related_id="REG0000001",
            now=house.clock(),
        )


def claim(house, **link):
    with house.context.database.transaction() as session:
        return service.claim_due(session, desk(**link), now=house.clock())


def settle(house, mail_id, result, problem=""):
    with house.context.database.transaction() as session:
        return service.settle(session, mail_id, result, problem=problem, now=house.clock())


async def test_a_mail_goes_out_in_both_forms_with_its_link_and_says_that_nobody_wrote_it(house):
    mail_id = queue(house)
    (outgoing,) = claim(house)
    message = outgoing.message
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert "#token=s3cret" in text
    assert "#token=s3cret" in html
    assert "Ada &lt;b&gt;" in html
    assert message["Subject"] == "acme invites Engines to connect (REG0000001)"
    assert (message["To"], message["Auto-Submitted"]) == ("ada@example.com", "auto-generated")
    assert message["Message-ID"] == f"<{mail_id}.1@acme.example>"


async def test_a_subject_that_is_not_ascii_travels_encoded_and_arrives_as_it_was(house):
    queue(house, language="ja")
    (outgoing,) = claim(house)
    sent = outgoing.message.as_bytes(policy=SMTP)
    assert sent.isascii()
    arrived = message_from_bytes(sent, policy=SMTP)
    assert arrived["Subject"] == "acmeからEnginesへの接続のご招待(REG0000001)"
    assert "「プロバイダーに接続」を選択します。" in arrived.get_body(("plain",)).get_content()


async def test_a_claimed_mail_is_due_again_only_after_its_lease(house):
    queue(house)
    assert len(claim(house)) == 1
    assert claim(house) == []
    house.clock.advance(seconds=LEASE.total_seconds())
    assert len(claim(house)) == 1


async def test_a_retry_carries_the_same_message_id_and_a_resend_another(house):
    mail_id = queue(house)
    first = claim(house)[0].message["Message-ID"]
    settle(house, mail_id, Handover.DELAYED, "greylisted")
    house.clock.advance(hours=2)
    retried = claim(house)[0].message["Message-ID"]
    settle(house, mail_id, Handover.DONE)
    with house.context.database.transaction() as session:
        service.resend(session, mail_id, actor=SYSTEM, now=house.clock())
    assert first == retried != claim(house)[0].message["Message-ID"]


async def test_a_delayed_mail_waits_longer_each_time_and_is_given_up_at_last(house):
    mail_id = queue(house)
    assert claim(house)
    waits = []
    while (record := settle(house, mail_id, Handover.DELAYED, "busy")).status == "failed":
        waits.append((record.next_attempt_at - house.clock()).total_seconds())
        house.clock.time = record.next_attempt_at
        assert claim(house)
    assert waits[0] < 2 < waits[3] < waits[6]
    assert (record.status, record.next_attempt_at) == ("dropped", None)
    assert house.clock() - record.created_at < GIVE_UP_AFTER + timedelta(hours=2)


async def test_a_refused_mail_is_dropped_with_what_the_server_said(house):
    mail_id = queue(house)
    claim(house)
    assert settle(house, mail_id, Handover.REFUSED, "550 no such user").problem == "550 no such user"
    assert settle(house, mail_id, Handover.DELAYED, "late").status == "dropped"
    assert claim(house) == []


async def test_a_mail_whose_secret_is_void_is_dropped_and_never_handed_over(house):
    mail_id = queue(house)
    assert claim(house, link=None) == []
    with house.context.database.transaction() as session:
        assert service.get(session, mail_id).status == "dropped"


async def test_dropping_by_subject_keeps_waiting_mails_in(house):
    queue(house)
    with house.context.database.transaction() as session:
        arguments = {"related_type": "registration", "related_id": "REG0000001"}
        assert service.drop(session, **arguments, reason="cancelled", now=house.clock()) == 1
    assert claim(house) == []


async def test_two_workers_never_claim_the_same_mail(house):
    queue(house)
    queue(house)
    if house.context.database.engine_name != "postgresql":
        return  # one writer: the second claim comes after the first has committed
    with house.context.database.transaction() as one, house.context.database.transaction() as two:
        mine = service.claim_due(one, desk(), now=house.clock(), limit=1)
        one.flush()
        theirs = service.claim_due(two, desk(), now=house.clock())
    assert {mail.mail_id for mail in mine}.isdisjoint({mail.mail_id for mail in theirs})
    assert len(mine) == len(theirs) == 1


async def test_a_missing_parameter_is_noticed_when_queueing(house):
    with pytest.raises(Invalid) as caught, house.context.database.transaction() as session:
        service.enqueue(
            session,
            to="a@b.de",
            template="test",
            language="en",
            parameters={},
            related_type="user",
            related_id="1",
            now=house.clock(),
        )
    assert caught.value.code == "mail_parameters"


async def test_a_waiting_mail_is_not_queued_twice(house):
    mail_id = queue(house)
    with pytest.raises(Conflict) as caught, house.context.database.transaction() as session:
        service.resend(session, mail_id, actor=SYSTEM, now=house.clock())
    assert caught.value.code == "mail_waiting"


async def test_no_secret_is_stored(house):
    queue(house)
    claim(house)
    client = await house.client(Role.ADMIN)
    listed = (await client.get("/api/v1/mails", params={"related_type": "registration"})).text
    audit = (await client.get("/api/v1/audit")).text
    assert "s3cret" not in listed + audit


async def test_delivery_is_visible_and_a_mail_can_be_sent_again(house):
    mail_id = queue(house)
    settle(house, mail_id, Handover.REFUSED, "550")
    client = await house.client(Role.SN_SB_ADMIN)
    params = {"related_type": "registration", "related_id": "REG0000001"}
    (shown,) = (await client.get("/api/v1/mails", params=params)).json()["items"]
    assert (shown["status"], shown["problem"]) == ("dropped", "550")
    again = await client.post(f"/api/v1/mails/{mail_id}/resend")
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    assert (await client.get(f"/api/v1/mails/{mail_id}")).json()["status"] == "queued"


async def test_a_test_mail_is_queued_once_per_key(house):
    client = await house.client(Role.ADMIN)
    body, headers = {"to": "Ops@Example.com", "language": "de"}, {"idempotency-key": "same"}
    first = await client.post("/api/v1/mails/test", json=body, headers=headers)
    second = await client.post("/api/v1/mails/test", json=body, headers=headers)
    assert first.status_code == second.status_code == 202
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"
    other = await client.post("/api/v1/mails/test", json={"to": "x@example.com"}, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"
    assert len((await client.get("/api/v1/mails")).json()["items"]) == 1


@pytest.mark.parametrize("template", list(Template))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_can_be_written_in_every_language(template, language):
    values = INVITATION | {"link": "https://l", "instance": "i", "asked_by": "me", "note": "n"}
    values |= {"applicant": "a@example.com", "reminder": True, "days": 7}
    subject, text, html = render(template, language, values)
    assert subject
    assert "{{" not in text + html
    assert f'lang="{language}"' in html


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        (" A.b@Example.COM ", "A.b@example.com"),
        ("x@localhost", "x@localhost"),
        ("x@foo.test", "x@foo.test"),
        ("x@bücher.de", "x@xn--bcher-kva.de"),
    ],
)
def test_an_address_has_one_spelling(given, canonical):
    assert canonical_address(given) == canonical


@pytest.mark.parametrize("given", ["", "x", "@x.de", "x@", "a\nb@x.de", "a@x..de", "a b@x.de", "a@b@c.de", "a@[::1]"])
def test_what_is_no_address_is_refused(given):
    with pytest.raises(Invalid) as caught:
        canonical_address(given)
    assert caught.value.code == "email_invalid"


def test_reserved_names_are_recognised():
    assert [is_reserved(f"a@{name}") for name in ("example.org", "x.TEST", "localhost", "exampled.org")] == [
        True,
        True,
        True,
        False,
    ]
