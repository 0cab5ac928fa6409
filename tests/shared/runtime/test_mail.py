"""Handing mail over to a real SMTP server that takes, refuses and puts off."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP

from shared.runtime.mail import MailDelayed, MailError, MailRefused, deliver, probe
from shared.runtime.settings import ServiceSettings, load

pytestmark = pytest.mark.anyio


class Mailbox:
    """Answers RCPT as told and keeps what it takes."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.taken: list[bytes] = []

    async def handle_RCPT(self, _server: object, _session: object, envelope: object, address: str, _o: object):  # noqa: N802
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802
        self.taken.append(envelope.content)
        return "250 taken"


@asynccontextmanager
async def mail_server(mailbox: Mailbox) -> AsyncIterator[ServiceSettings]:
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(mailbox, loop=loop, hostname="mail"), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield load(
            ServiceSettings,
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_security="none",
            smtp_sender="exchange@provider.example",
            smtp_seconds=2,
        )


def message() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "exchange@provider.example"
    message["To"] = "contact@consumer.example"
    message["Subject"] = "Registration"
    message.set_content("Grüße")
    return message


async def test_a_message_the_server_takes_is_delivered() -> None:
    mailbox = Mailbox("250 ok")
    async with mail_server(mailbox) as settings:
        await deliver(message(), settings)
    assert b"Subject: Registration" in mailbox.taken[0]


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [("550 no such mailbox", MailRefused), ("451 come back later", MailDelayed), ("535 who are you", MailDelayed)],
)
async def test_what_time_may_cure_is_told_apart_from_what_it_will_not(answer: str, meaning: type[MailError]) -> None:
    async with mail_server(Mailbox(answer)) as settings:
        with pytest.raises(meaning):
            await deliver(message(), settings)


async def test_a_server_that_is_down_delays_the_message() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = load(ServiceSettings, smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", smtp_seconds=2)
    with pytest.raises(MailDelayed):
        await deliver(message(), settings)


async def test_a_probe_sends_nothing_and_tells_a_server_that_is_down() -> None:
    mailbox = Mailbox("250 ok")
    async with mail_server(mailbox) as settings:
        await probe(settings)
    assert mailbox.taken == []
    with pytest.raises(MailDelayed):
        await probe(settings)


async def test_a_message_waits_while_no_mail_server_is_set() -> None:
    with pytest.raises(MailDelayed) as delay:
        await deliver(message(), load(ServiceSettings))
    assert delay.value.code == "mail_off"
