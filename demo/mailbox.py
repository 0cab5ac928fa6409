"""A local mail catcher: takes every mail by SMTP and keeps it for the story."""

import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """Listens on the loopback; `wait_for` returns the next mail to an address."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._mails: list[tuple[str, EmailMessage]] = []
        self._arrived = threading.Condition()
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        with self._arrived:
            self._mails.extend((address, message) for address in envelope.rcpt_tos)
            self._arrived.notify_all()
        return "250 Message accepted"

    def wait_for(self, address: str, containing: str, seconds: float = 30) -> str:
        """Return the text of a mail to ``address`` that contains ``containing``."""
        end = time.monotonic() + seconds
        with self._arrived:
            while True:
                for to, message in self._mails:
                    text = _text(message)
                    if to == address and containing in text:
                        return text
                if not self._arrived.wait(max(0.0, end - time.monotonic())):
                    raise RuntimeError(f"No mail with {containing!r} reached {address} within {seconds:g} seconds")

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    return body.get_content() if body is not None else ""
