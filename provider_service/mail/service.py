"""Queueing mails, handing them to the worker, and keeping what became of them."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeGuard

from sqlalchemy.orm import Session

from provider_service.audit import service as audit
from provider_service.audit.domain import SYSTEM, Actor
from provider_service.mail import rendering, store
from provider_service.mail.domain import (
    GIVE_UP_AFTER,
    LEASE,
    Handover,
    MailRecord,
    MailStatus,
    OutgoingMail,
    Template,
)
from provider_service.mail.tables import Mail
from shared.delivery.retry import pause_ms
from shared.runtime.database import notify
from shared.runtime.turns import CHANNEL
from shared.wire.errors import Conflict, Invalid, NotFound
from shared.wire.identifiers import new_id

SecretRenderer = Callable[[Session, str, datetime], str | None]
"""Makes a secret from its reference, at hand-over; None where it has become void, and then the mail is dropped."""

VOID: Final = "What the mail was about has ended or has been replaced"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the worker brings along to hand mails over."""

    sender: str
    """Address mails come from, with or without a name."""
    renderers: Mapping[str, SecretRenderer]
    """Kind of secret to what makes it."""


def enqueue(
    session: Session,
    *,
    to: str,
    template: str,
    language: str,
    parameters: Mapping[str, Any],
    related_type: str,
    related_id: str,
    now: datetime,
) -> str:
    """Queue a mail in the transaction of the change that causes it; return its id.

    ``template`` is one of `Template`. ``parameters`` hold no secrets: a link stands there as
    ``{"secret": "kind:reference"}`` and is made at hand-over by the renderer of that kind. Raises `Invalid`
    (``mail_parameters``) where the template needs a parameter that is not there.
    """
    language = rendering.language_for(language)
    rendering.render(Template(template), language, {name: _shown(value) for name, value in parameters.items()})
    mail = Mail(
        id=new_id(),
        recipient=to,
        template=template,
        language=language,
        parameters=dict(parameters),
        related_type=related_type,
        related_id=related_id,
        edition=1,
        created_at=now,
    )
    _queue(mail, now)
    session.add(mail)
    session.flush()
    notify(session, CHANNEL)
    return mail.id


def send_test(session: Session, *, to: str, language: str, instance: str, actor: Actor, now: datetime) -> MailRecord:
    """Queue a mail that only shows that mail works."""
    parameters = {"instance": instance, "asked_by": actor.name}
    mail_id = enqueue(
        session,
        to=to,
        template=Template.TEST,
        language=language,
        parameters=parameters,
        related_type="user",
        related_id=actor.id,
        now=now,
    )
    _note(session, actor, "mail.tested", mail_id, after={"recipient": to}, now=now)
    return get(session, mail_id)


def claim_due(session: Session, desk: Desk, *, now: datetime, limit: int = 20) -> list[OutgoingMail]:
    """Lease due mails to the caller and return them rendered, secrets included; void ones are dropped.

    Commit before handing over, then `settle` each. A mail never settled is due again after `LEASE`.
    """
    outgoing = [_handed_out(session, desk, mail, now) for mail in store.due(session, now=now, limit=limit)]
    return [mail for mail in outgoing if mail is not None]


def settle(session: Session, mail_id: str, result: Handover, *, problem: str = "", now: datetime) -> MailRecord:
    """Keep how a hand-over ended; a mail that is settled already stays as it is. Raises `NotFound`."""
    mail = _locked(session, mail_id)
    if mail.status in {MailStatus.SENT, MailStatus.DROPPED}:
        return _record(mail)
    if result is Handover.DONE:
        _finish(session, mail, MailStatus.SENT, "", now)
    elif result is Handover.REFUSED:
        _finish(session, mail, MailStatus.DROPPED, problem, now)
    elif now - mail.queued_at >= GIVE_UP_AFTER:
        _finish(session, mail, MailStatus.DROPPED, f"Given up after {GIVE_UP_AFTER.days} days: {problem}", now)
    else:
        pause = pause_ms(max(mail.attempts, 1), random=random.random)
        mail.status, mail.problem = MailStatus.FAILED, problem
        mail.next_attempt_at = now + timedelta(milliseconds=pause)
    return _record(mail)


def resend(session: Session, mail_id: str, *, actor: Actor, now: datetime) -> MailRecord:
    """Queue a mail again as a new edition, its link made anew. Raises `NotFound`, or `Conflict` while it waits."""
    mail = _locked(session, mail_id)
    if mail.status == MailStatus.QUEUED:
        raise Conflict("The mail is waiting to be sent", code="mail_waiting", fix="Wait until it has been handed over.")
    before = mail.status
    mail.edition += 1
    _queue(mail, now)
    _note(session, actor, "mail.resent", mail.id, before={"status": before}, after={"status": mail.status}, now=now)
    return _record(mail)


def drop(session: Session, *, related_type: str, related_id: str, reason: str, now: datetime) -> int:
    """Keep the waiting mails about a subject from going out; return how many there were."""
    waiting = store.waiting(session, related_type=related_type, related_id=related_id)
    for mail in waiting:
        _finish(session, mail, MailStatus.DROPPED, reason, now)
    return len(waiting)


def get(session: Session, mail_id: str) -> MailRecord:
    """Return one mail. Raises `NotFound`."""
    mail = session.get(Mail, mail_id)
    if mail is None:
        raise _unknown(mail_id)
    return _record(mail)


def listed(
    session: Session,
    *,
    related_type: str | None = None,
    related_id: str | None = None,
    status: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Sequence[MailRecord]:
    """Return mails, the newest first, older than the one with id ``before``."""
    rows = store.page(
        session, related_type=related_type, related_id=related_id, status=status, before=before, limit=limit
    )
    return [_record(row) for row in rows]


def _handed_out(session: Session, desk: Desk, mail: Mail, now: datetime) -> OutgoingMail | None:
    values = _values(session, desk, mail, now)
    if values is None:
        _finish(session, mail, MailStatus.DROPPED, VOID, now)
        return None
    try:
        message = rendering.compose(
            mail_id=mail.id,
            edition=mail.edition,
            sender=desk.sender,
            recipient=mail.recipient,
            content=rendering.render(Template(mail.template), mail.language, values),
            now=now,
        )
    except (Invalid, ValueError) as error:  # one mail that cannot be written must not hold up the others
        _finish(session, mail, MailStatus.DROPPED, f"It cannot be written: {type(error).__name__}", now)
        return None
    mail.attempts += 1
    mail.next_attempt_at = now + LEASE
    return OutgoingMail(mail.id, message)


def _values(session: Session, desk: Desk, mail: Mail, now: datetime) -> dict[str, Any] | None:
    """Return the parameters with their secrets made, or None where one has become void."""
    values: dict[str, Any] = dict(mail.parameters)
    for name, value in values.items():
        if _is_secret(value):
            kind, _, reference = str(value["secret"]).partition(":")
            values[name] = desk.renderers[kind](session, reference, now)
            if values[name] is None:
                return None
    return values


def _shown(value: object) -> object:
    return "" if _is_secret(value) else value


def _is_secret(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and value.keys() == {"secret"}


def _queue(mail: Mail, now: datetime) -> None:
    mail.status, mail.problem, mail.attempts = MailStatus.QUEUED, "", 0
    mail.next_attempt_at = mail.queued_at = now
    mail.settled_at = None


def _finish(session: Session, mail: Mail, status: MailStatus, problem: str, now: datetime) -> None:
    mail.status, mail.problem, mail.settled_at = status, problem, now
    _note(session, SYSTEM, f"mail.{status}", mail.id, after={"status": status, "problem": problem}, now=now)


def _note(
    session: Session,
    actor: Actor,
    action: str,
    mail_id: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any],
    now: datetime,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type="mail",
        subject_id=mail_id,
        before=before,
        after=after,
        now=now,
    )


def _locked(session: Session, mail_id: str) -> Mail:
    mail = store.locked(session, mail_id)
    if mail is None:
        raise _unknown(mail_id)
    return mail


def _unknown(mail_id: str) -> NotFound:
    return NotFound("There is no such mail", code="mail_unknown", cause=f"No mail has the id {mail_id[:60]!a}.")


def _record(mail: Mail) -> MailRecord:
    status = MailStatus(mail.status)
    return MailRecord(
        id=mail.id,
        recipient=mail.recipient,
        template=Template(mail.template),
        language=mail.language,
        related_type=mail.related_type,
        related_id=mail.related_id,
        status=status,
        attempts=mail.attempts,
        problem=mail.problem,
        created_at=mail.created_at,
        next_attempt_at=mail.next_attempt_at if status in {MailStatus.QUEUED, MailStatus.FAILED} else None,
        settled_at=mail.settled_at,
    )
