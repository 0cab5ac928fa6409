"""Templates into messages: a text part and an HTML part, in the recipient's language."""

from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError, select_autoescape

from provider_service.mail.domain import Template
from shared.wire.errors import Invalid

LANGUAGES: Final = ("en", "de", "ja")
"""Languages mails are written in; any other gets the first."""

_SUBJECT: Final = "Subject: "
_templates = Environment(
    loader=PackageLoader("provider_service.mail", "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def language_for(wanted: str) -> str:
    """Return the language to write in to somebody who speaks ``wanted`` (``de``, ``de-AT``)."""
    primary = wanted.partition("-")[0].lower()
    return primary if primary in LANGUAGES else LANGUAGES[0]


def render(template: Template, language: str, values: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return subject, text and HTML. Raises `Invalid` (``mail_parameters``) where a parameter is missing."""
    try:
        text = _templates.get_template(f"{language}/{template}.txt").render(values, language=language)
        html = _templates.get_template(f"{language}/{template}.html").render(values, language=language)
    except TemplateError as error:
        raise Invalid(f"The mail {template} cannot be written", code="mail_parameters", cause=str(error)) from error
    subject, _, body = text.partition("\n")
    return " ".join(subject.removeprefix(_SUBJECT).split()), body.strip() + "\n", html


def compose(
    *, mail_id: str, edition: int, sender: str, recipient: str, content: tuple[str, str, str], now: datetime
) -> EmailMessage:
    """Return the message. Its Message-ID is the same whenever this edition is handed over, so repeats show."""
    subject, text, html = content
    name, address = parseaddr(sender)
    domain = address.rpartition("@")[2] or "localhost"
    message = EmailMessage()
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail_id}.{edition}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice shall answer
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message
