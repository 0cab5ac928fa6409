"""The invitation's e-mail: queued without the link, which is rendered at hand-over (design: onboarding.md)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.instance import service as instance
from provider_service.invitations.service import tokens
from provider_service.invitations.tables import Invitation
from provider_service.mail import service as mail
from provider_service.mail.service import SecretRenderer
from shared.signing.envelopes import MasterKey

KIND = "invitation"
"""Kind of the mail's secret (see `provider_service.mail`)."""


def send(
    session: Session, invitation: Invitation, *, company_id: str, contact_id: str, hours: int, now: datetime
) -> None:
    """Queue the mail with instructions and link to the contact."""
    contact = accounts.get_company_contact(session, company_id, contact_id)
    provider = instance.require(session)
    mail.enqueue(
        session,
        to=contact.email,
        template="registration_invitation",
        language=contact.language,
        parameters={
            "name": contact.name,
            "company": contact.company_name,
            "provider": provider.name,
            "number": invitation.number,
            "consumer_url": invitation.audience,
            "support_contact": provider.support_contact,
            "hours": hours,
            "link": {"secret": f"{KIND}:{invitation.id}"},
        },
        related_type="registration",
        related_id=invitation.number,
        now=now,
    )


def renderer(masters: Mapping[str, MasterKey]) -> SecretRenderer:
    """Return what makes the link at hand-over; None once the invitation is void, and the mail is dropped then."""

    def render(session: Session, reference: str, now: datetime) -> str | None:
        return tokens.link(session, masters=masters, invitation_id=reference, now=now)

    return render
