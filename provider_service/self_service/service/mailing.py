"""The mails of self-service registration, and the secrets in their links: fresh at each hand-over, kept as a hash."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.directory import service as directory
from provider_service.directory.domain import Person, hashed
from provider_service.mail import service as mail
from provider_service.mail.domain import Template
from provider_service.self_service import store
from provider_service.self_service.domain import INVITATION_LIFE, VERIFYING_LIFE, InvitationState
from provider_service.self_service.service.parts import INVITATION, SUBJECT, invitation_state
from provider_service.self_service.tables import (
    SelfServiceInvitation,
    SelfServiceInvitationSecret,
    SelfServiceRequest,
    SelfServiceSecret,
)
from shared.wire.self_service import RequestState
from shared.wire.states import Role

SECRET_KIND: Final = "self_service"  # noqa: S105 - the name of a kind
"""Under which the worker registers `link_renderer` with the mail desk."""

PATHS: Final[Mapping[str, str]] = {"prove": "/sign-up/confirm#token=", "follow": "/sign-up/status#token="}
"""Where links lead; the secret stands behind the number sign: it reaches no server log and no referrer."""

INVITATION_PATH: Final = "/sign-up/invitation#token="

TOLD: Final = 20
"""People who are told of one request, at most."""


def link_renderer(issuer: str) -> mail.SecretRenderer:
    """Return what makes the links: ``prove:ID``, ``follow:ID`` and ``invite:ID:MAIL``; void where one leads nowhere."""

    def render(session: Session, reference: str, now: datetime) -> str | None:
        purpose, _, request_id = reference.partition(":")
        if purpose == "invite":
            secret = _new_invitation_secret(session, request_id, now)
            return None if secret is None else f"{issuer}{INVITATION_PATH}{secret}"
        row = store.request(session, request_id)
        if row is None or purpose not in PATHS:
            return None
        if purpose == "prove" and row.state != RequestState.VERIFYING:
            return None
        return f"{issuer}{PATHS[purpose]}{new_secret(session, row.id, purpose)}"

    return render


def new_secret(session: Session, request_id: str, purpose: str) -> str:
    """Return a fresh secret of a request; only its hash stays."""
    secret = secrets.token_urlsafe(32)
    session.add(SelfServiceSecret(secret_hash=hashed(secret), request_id=request_id, purpose=purpose))
    session.flush()
    return secret


def ask_for_proof(session: Session, row: SelfServiceRequest, template: Template, instance: str, now: datetime) -> None:
    """Queue what goes to the mailbox a visitor named: leave to prove it, or what else its owner has to know.

    Every submission queues exactly one mail with the same link, so that they cost the same; where the mail says
    something else, the link is not in it.
    """
    _to_applicant(
        session, row, template, instance, now, link="prove", hours=int(VERIFYING_LIFE.total_seconds() // 3600)
    )


def tell_applicant(session: Session, row: SelfServiceRequest, template: Template, instance: str, now: datetime) -> None:
    """Queue what the applicant is told about a request, with the last remark that is meant for it."""
    said = [one["text"] for one in row.remarks if not one["internal"]]
    _to_applicant(session, row, template, instance, now, link="follow", note=said[-1] if said else "")


def tell_deciders(
    session: Session, row: SelfServiceRequest, instance: str, issuer: str, now: datetime, *, reminder: bool = False
) -> None:
    """Queue mails to whoever may decide a request."""
    for person in _deciders(session, row):
        mail.enqueue(
            session,
            to=person.email,
            template=Template.SELF_SERVICE_WAITING,
            language=person.language,
            parameters={
                "name": person.name,
                "instance": instance,
                "applicant": row.email,
                "reminder": reminder,
                "link": f"{issuer}/requests/{row.id}",
            },
            related_type=SUBJECT,
            related_id=row.id,
            now=now,
        )


def send_invitation(
    session: Session, row: SelfServiceInvitation, company_name: str, instance: str, now: datetime
) -> None:
    """Queue the mail of an invitation; the links of the mails before it are void from now on."""
    mail.enqueue(
        session,
        to=row.email,
        template=Template.SELF_SERVICE_INVITATION,
        language=row.language,
        parameters={
            "instance": instance,
            "company": company_name,
            "link": {"secret": f"{SECRET_KIND}:invite:{row.id}:{row.mails}"},
            "days": INVITATION_LIFE.days,
        },
        related_type=INVITATION,
        related_id=row.id,
        now=now,
    )


def _new_invitation_secret(session: Session, reference: str, now: datetime) -> str | None:
    invitation_id, _, number = reference.partition(":")
    row = store.invitation(session, invitation_id, lock=True)
    if row is None or str(row.mails) != number or invitation_state(row, now) is not InvitationState.OPEN:
        return None
    secret = secrets.token_urlsafe(32)
    session.add(SelfServiceInvitationSecret(secret_hash=hashed(secret), invitation_id=row.id, mail=row.mails))
    session.flush()
    return secret


def _deciders(session: Session, row: SelfServiceRequest) -> list[Person]:
    if row.awaits == "account_administrators" and row.company_id is not None:
        found = [
            accounts.find_company_contact(session, row.company_id, one)
            for one in store.administrators(session, row.company_id)
        ]
        ids = [one.user_id for one in found if one is not None and one.active and one.user_id is not None]
        people = list(directory.get_users(session, ids[:TOLD]).values())
        if people:
            return people
    staff = directory.list_users(session, active=True, role=Role.SN_SB_ADMIN, limit=TOLD)
    return staff or directory.list_users(session, active=True, role=Role.ADMIN, limit=TOLD)


def _to_applicant(
    session: Session,
    row: SelfServiceRequest,
    template: Template,
    instance: str,
    now: datetime,
    *,
    link: str,
    **parameters: Any,
) -> None:
    mail.enqueue(
        session,
        to=row.email,
        template=template,
        language=row.language,
        parameters={"instance": instance, "link": {"secret": f"{SECRET_KIND}:{link}:{row.id}"}, **parameters},
        related_type=SUBJECT,
        related_id=row.id,
        now=now,
    )
