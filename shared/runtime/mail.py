"""Handing e-mail to the mail server; telling apart what another try may cure from what it never will."""

from email.message import EmailMessage

import aiosmtplib

from shared.runtime.settings import ServiceSettings
from shared.wire.errors import ExchangeError, Invalid, Unavailable

_PERMANENT = 500
_AUTHENTICATION_REPLIES = range(530, 540)
"""Replies about our own credentials (RFC 4954 section 6): the operator cures them, so the message is kept."""


class MailError(ExchangeError):
    """The message was not handed over."""

    code = "mail_not_sent"
    title = "The e-mail could not be handed over"


class MailRefused(MailError, Invalid):
    """The server refuses this message or this recipient for good; sending it again will not help."""

    code = "mail_refused"


class MailDelayed(MailError, Unavailable):
    """The server cannot be reached, is not set up, or asks to come back; the message is kept and tried again."""

    code = "mail_delayed"


async def deliver(message: EmailMessage, settings: ServiceSettings) -> None:
    """Hand one message over; returning means the server has taken it. Raises `MailRefused` or `MailDelayed`."""
    if not settings.smtp_host:
        raise MailDelayed("No mail server is set", code="mail_off", fix="Set the mail server, or copy the link by hand")
    try:
        await aiosmtplib.send(
            message,
            sender=settings.smtp_sender or None,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.smtp_password.get_secret_value() or None,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            timeout=settings.smtp_seconds,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _meaning(max(refused.code for refused in error.recipients), str(error)) from error
    except aiosmtplib.SMTPResponseException as error:
        raise _meaning(error.code, error.message) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailDelayed(cause=f"{type(error).__name__}: {error}", fix="Check the mail server's settings") from error
    except ValueError as error:
        raise MailRefused(cause=str(error), fix="Check sender and recipient") from error


async def probe(settings: ServiceSettings) -> None:
    """Connect to the mail server and sign in as `deliver` does, sending nothing; raises `MailDelayed`."""
    server = aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_user or None,
        password=settings.smtp_password.get_secret_value() or None,
        use_tls=settings.smtp_security == "tls",
        start_tls=settings.smtp_security == "starttls",
        timeout=settings.smtp_seconds,
    )
    try:
        async with server:
            await server.noop()
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailDelayed(cause=f"{type(error).__name__}: {error}", fix="Check the mail server's settings") from error


def _meaning(code: int, answer: str) -> MailError:
    cause = f"The mail server answered {code} {answer}"
    if code < _PERMANENT or code in _AUTHENTICATION_REPLIES:
        return MailDelayed(cause=cause, fix="Check the mail server's settings; sending is tried again")
    return MailRefused(cause=cause, fix="Check the recipient's address")
