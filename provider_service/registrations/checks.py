"""What the pre-onboarding scan asks about a registration task (design: onboarding.md, *Pre-onboarding scan*)."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from provider_service.accounts import domain as contacts
from provider_service.accounts import service as accounts
from provider_service.checks import Check, Finding, Subject
from provider_service.connections import service as connections
from provider_service.context import Context
from provider_service.instance import service as instance
from provider_service.invitations import service as invitations
from provider_service.registrations import service
from shared.runtime.mail import MailDelayed, probe
from shared.wire.states import ConnectionState, Role, Severity


async def contact_is_fit(context: Context, subject: Subject) -> list[Finding]:
    """Find a contact who could not finish the registration."""
    development = context.settings.environment == "development"
    return await context.database.read(_contact, subject.id, development=development)


def _contact(session: Session, number: str, *, development: bool) -> list[Finding]:
    task = service.get(session, number)
    if task.closed_at is not None:
        return []
    contact = accounts.find_company_contact(session, task.company_id, task.contact_id)
    if contact is None:
        return [
            Finding(
                "The contact does not belong to the company of this registration",
                "The person is no contact of the company any more.",
                "Choose a contact of the company.",
                item="company",
            )
        ]
    findings = []
    if contact.user_id is None:
        return [
            Finding(
                f"The contact {contact.name} has no user to sign in as",
                "It is only the record of a person; allowing the connection takes signing in.",
                "Give the contact a user, or choose another one.",
                item="user",
            )
        ]
    if not contact.active:
        findings.append(
            Finding(
                f"The contact {contact.name} is not active",
                "The person was deactivated, as a user or as a contact of the company.",
                "Reactivate the contact, or choose another one.",
                item="active",
            )
        )
    if Role.SN_SB_PRO_CONSUMER not in contact.roles:
        findings.append(
            Finding(
                f"The contact {contact.name} lacks the role {Role.SN_SB_PRO_CONSUMER}",
                "Only a contact with that role may sign in here to allow the connection.",
                f"Give {contact.name} the role {Role.SN_SB_PRO_CONSUMER}.",
                item="role",
            )
        )
    record = instance.get(session)
    if record is not None:
        fault = contacts.email_fault(contact.email, instance_type=record.instance_type, development=development)
        findings += _address(contact.email, contact.name, fault)
    return findings


def _address(email: str, name: str, fault: str | None) -> list[Finding]:
    if fault is None:
        return []
    return [
        Finding(
            f"The e-mail address of {name}, {email}, cannot receive the registration e-mail",
            fault,
            "Correct the address of the contact.",
            item="email",
        )
    ]


async def company_is_free(context: Context, subject: Subject) -> list[Finding]:
    """Find an inactive company, or one already connected from that address."""
    return await context.database.read(_company, subject.id)


def _company(session: Session, number: str) -> list[Finding]:
    task = service.get(session, number)
    if task.closed_at is not None or task.established is not None:
        return []
    company = accounts.get_company(session, task.company_id)
    findings = []
    if not company.active:
        findings.append(
            Finding(
                f"The company {company.name} is not active",
                "It was deactivated.",
                "Reactivate the company, or cancel this registration.",
                item="active",
            )
        )
    findings += _suspended(session, task.rekeys) if task.rekeys is not None else _free(session, task.consumer_url)
    return findings


def _suspended(session: Session, connection_id: str) -> list[Finding]:
    connection = connections.get(session, connection_id)
    if connection.state == ConnectionState.SUSPENDED:
        return []
    return [
        Finding(
            f"The connection that shall be re-keyed is {connection.state}",
            "Only a suspended connection is given other keys.",
            "Suspend it if an identity was lost; cancel this registration otherwise.",
            item="suspended",
        )
    ]


def _free(session: Session, consumer_url: str) -> list[Finding]:
    findings = []
    standing = connections.standing_at(session, consumer_url)
    if standing is not None:
        findings.append(
            Finding(
                f"{consumer_url} is already connected ({standing.registration_number})",
                "There is one connection for an address; a stale one may be left of an earlier attempt.",
                "Disconnect the existing connection first, or correct the address.",
                item="connected",
            )
        )
    return findings


async def mail_can_be_sent(context: Context, subject: Subject) -> list[Finding]:
    """Find e-mail sending switched on without a mail server."""
    record = await context.database.read(instance.get)
    if record is None or not record.sends_email:
        return []
    if context.settings.smtp_host:
        return await _mail_server(context)
    return [
        Finding(
            "E-mail sending is on, but no mail server is set",
            "In a production instance, or where sending is enabled, the link goes out by e-mail.",
            "Set the mail server of this service, or switch e-mail sending off in the provider record.",
        )
    ]


async def _mail_server(context: Context) -> list[Finding]:
    """A server that is away does not block: mails wait for it, none is lost."""
    try:
        await probe(context.settings)
    except MailDelayed as error:
        return [
            Finding(
                f"The mail server {context.settings.smtp_host} does not take our mails",
                error.cause,
                "Check the mail server and its settings here; mails wait until it takes them.",
                item="server",
                severity=Severity.WARNING,
            )
        ]
    return []


async def nothing_is_left(context: Context, subject: Subject) -> list[Finding]:
    """Find links and connections that earlier attempts have left."""
    return await context.database.read(_leftovers, subject.id, context.clock())


def _leftovers(session: Session, number: str, now: datetime) -> list[Finding]:
    task = service.get(session, number)
    if task.closed_at is not None:
        return []
    links = [
        Finding(
            f"A link of {other} for {task.consumer_url} can still be used",
            "An earlier registration of the same address was not ended.",
            f"Revoke that link, or cancel {other}.",
            item=f"link-{other}",
        )
        for other in invitations.usable_for(session, task.consumer_url, now)
        if other != number
    ]
    states = (ConnectionState.CONNECTING, ConnectionState.SUSPENDED)
    stale = connections.list_connections(session, states=states, company_id=task.company_id, limit=20, now=now)
    return links + [
        Finding(
            f"A connection with {left.peer_issuer} ({left.registration_number}) is left in state {left.state}",
            "An earlier attempt did not come to its end.",
            "Disconnect it if it is not needed any more.",
            item=f"connection-{left.id}",
        )
        for left in stale
        if left.id != task.connection_id and left.opened_at <= now - STALE_AFTER
    ]


STALE_AFTER: Final = timedelta(days=1)
"""A connection that has not become active by then will not do so by itself."""

_WATCHES: Final = ("user", "contact", "company", "instance", "connection", "registration")

CHECKS: Final = (
    Check(
        "registration.contact",
        "Contact can finish the registration",
        Severity.ERROR,
        service.SUBJECT,
        contact_is_fit,
        _WATCHES,
    ),
    Check(
        "registration.company",
        "Company is active and not connected yet",
        Severity.ERROR,
        service.SUBJECT,
        company_is_free,
        _WATCHES,
    ),
    Check(
        "registration.leftovers",
        "Nothing is left of earlier attempts",
        Severity.WARNING,
        service.SUBJECT,
        nothing_is_left,
        _WATCHES,
    ),
    Check("registration.mail", "E-mail can be sent", Severity.ERROR, service.SUBJECT, mail_can_be_sent, _WATCHES),
)
"""Registered by the composition root."""
