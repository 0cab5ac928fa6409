"""The link of a task: issue it, send it, hand it out, void it."""

from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import SYSTEM, Actor
from provider_service.instance import service as instance
from provider_service.invitations import service as invitations
from provider_service.registrations import domain
from provider_service.registrations.service import tasks
from provider_service.registrations.service.tasks import SUBJECT, Masters
from provider_service.registrations.tables import Registration
from shared.wire.errors import Conflict


def invite(session: Session, *, number: str, masters: Masters, actor: Actor, now: datetime) -> Registration:
    """Mint a token (voiding an earlier one) and send it, or offer the link in the comments (seed)."""
    task = tasks.get(session, number, lock=True)
    domain.require_link(task.state, number)
    invitation = invitations.issue(
        session,
        masters=masters,
        number=number,
        audience=task.consumer_url,
        hours=task.token_hours,
        rekeys=task.rekeys,
        now=now,
    )
    provider = instance.require(session)
    if provider.sends_email:
        invitations.send(
            session, invitation, company_id=task.company_id, contact_id=task.contact_id, hours=task.token_hours, now=now
        )
    else:
        text = (
            f"{domain.LINK_PLACEHOLDER} — e-mail sending is off: copy the link with 'Copy link' and hand it to "
            "the consumer's administrator."
        )
        tasks.add_entry(session, task, "comment", text, SYSTEM.name, now, invitation_id=invitation.id)
    tasks.changed(
        session, task, "registration.invited", actor, now, after={"expires_at": invitation.expires_at.isoformat()}
    )
    return task


def resend(session: Session, *, number: str, actor: Actor, now: datetime) -> Registration:
    """Send the mail with the present link once more."""
    task = tasks.get(session, number, lock=True)
    domain.require_link(task.state, number)
    invitation = invitations.usable(session, number, now)
    if invitation is None:
        raise Conflict(f"{number} has no usable link", cause="It has expired or was revoked.", fix="Re-issue the link.")
    invitations.send(
        session, invitation, company_id=task.company_id, contact_id=task.contact_id, hours=task.token_hours, now=now
    )
    tasks.changed(session, task, "registration.mail_resent", actor, now)
    return task


def copy_link(session: Session, *, number: str, masters: Masters, actor: Actor, now: datetime) -> str:
    """Return the link itself; the copying is audited."""
    task = tasks.get(session, number)
    domain.require_link(task.state, number)
    invitation = invitations.usable(session, number, now)
    link = invitation and invitations.link(session, masters=masters, invitation_id=invitation.id, now=now)
    if not link:
        raise Conflict(f"{number} has no usable link", cause="It has expired or was revoked.", fix="Re-issue the link.")
    audit.record(
        session,
        actor=actor,
        action="registration.link_copied",
        subject_type=SUBJECT,
        subject_id=number,
        number=number,
        now=now,
    )
    return link


def revoke(session: Session, *, number: str, actor: Actor, now: datetime) -> Registration:
    """Void the link; the task stays as it is and offers a new one."""
    task = tasks.get(session, number, lock=True)
    domain.require_before_announcement(task.state, number)
    if not invitations.void(session, number):
        raise Conflict(f"{number} has no link to revoke", fix="Re-issue a link if the consumer still needs one.")
    tasks.changed(session, task, "registration.link_revoked", actor, now)
    return task
