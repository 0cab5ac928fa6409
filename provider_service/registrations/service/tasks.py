"""Use cases of registration tasks: open, edit, validate, invite, close (design: onboarding.md, *Registration task*)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.audit import service as audit
from provider_service.audit.domain import SYSTEM, Actor
from provider_service.connections import service as connections
from provider_service.health import service as health
from provider_service.invitations import service as invitations
from provider_service.registrations import domain, store
from provider_service.registrations.schemas import (
    LinkView,
    RegistrationCreate,
    RegistrationPatch,
    RegistrationView,
    RekeyingCreate,
)
from provider_service.registrations.tables import Entry, Registration
from shared.lifecycle.registration import REGISTRATION, Move
from shared.runtime.database import notify
from shared.signing.envelopes import MasterKey
from shared.wire.errors import Conflict, Invalid, NotFound
from shared.wire.identifiers import canonical_issuer, new_id
from shared.wire.states import RegistrationState as State

Masters = Mapping[str, MasterKey]
SUBJECT = "registration"


def get(session: Session, number: str, *, lock: bool = False) -> Registration:
    """Return a task; raise `NotFound`."""
    task = store.by_number(session, number, lock=lock)
    if task is None:
        raise NotFound(f"There is no registration {number}", code="registration_unknown")
    return task


def page(
    session: Session, *, before: int | None, limit: int, state: str | None, company_id: str | None
) -> Sequence[Registration]:
    """Return tasks, newest first, below the serial ``before``."""
    return store.page(session, before=before, limit=limit, state=state, company_id=company_id)


def create(session: Session, *, body: RegistrationCreate, actor: Actor, loopback: bool, now: datetime) -> Registration:
    """Open a task; the pre-onboarding scan follows in the background.

    ``loopback``: development mode, in which plain http on loopback hosts passes. Raises `Invalid`, `Conflict`.
    """
    url = canonical_issuer(body.consumer_url, allow_loopback_http=loopback)
    return open_task(session, body, url=url, actor=actor, now=now)


def open_task(
    session: Session, body: RegistrationCreate, *, url: str, actor: Actor, now: datetime, rekeys: str | None = None
) -> Registration:
    """Open a task for an address in canonical form; ``rekeys`` names the connection that gets other keys by it."""
    contact_id = _require_contact(session, body.contact_id, body.company_id)
    twin = store.open_twin(session, body.company_id, url)
    if twin is not None:
        raise Conflict(
            f"{twin.number} is already open for this company and address",
            code="registration_exists",
            cause="There is one open registration task per company and consumer URL.",
            fix=f"Go on with {twin.number}, or cancel it first.",
            extra={"number": twin.number},
        )
    task = Registration(
        number=new_id()[-12:],
        company_id=body.company_id,
        contact_id=contact_id,
        consumer_url=url,
        environment=body.environment,
        state=REGISTRATION.initial,
        opened_by=actor.name,
        opened_at=now,
        updated_at=now,
        token_hours=domain.require_hours(body.token_hours),
        scan_due_at=now,
        rekeys=rekeys,
    )
    session.add(task)
    session.flush()
    task.number = domain.number_of(task.serial)
    said = {"consumer_url": url, "state": task.state} | ({"rekeys": rekeys} if rekeys else {})
    changed(session, task, "registration.created", actor, now, after=said)
    notify(session, "worker")
    return task


def create_rekeying(session: Session, *, body: RekeyingCreate, actor: Actor, now: datetime) -> Registration:
    """Open a task that gives a suspended connection other keys; the connection and what waits on it stay.

    Raises `NotFound` for an unknown connection, `Conflict` for one that is not suspended, `Invalid` for a contact of
    another company.
    """
    connection = connections.get(session, body.connection_id, lock=True)
    connections.require_suspended(connection.state)
    wanted = RegistrationCreate(
        company_id=connection.company_id,
        contact_id=body.contact_id,
        consumer_url=connection.peer_issuer,
        environment=connection.environment,
        token_hours=body.token_hours,
    )
    return open_task(session, wanted, url=connection.peer_issuer, actor=actor, now=now, rekeys=connection.id)


def edit(
    session: Session, *, number: str, body: RegistrationPatch, actor: Actor, loopback: bool, now: datetime
) -> Registration:
    """Change contact, URL, environment or link life before the consumer announced itself; the token is voided."""
    task = get(session, number, lock=True)
    domain.require_before_announcement(task.state, number)
    changes = _differences(task, body)
    domain.require_same_address(task.rekeys, changes)
    if "consumer_url" in changes:
        changes["consumer_url"] = canonical_issuer(changes["consumer_url"], allow_loopback_http=loopback)
    if "contact_id" in changes:
        changes["contact_id"] = _require_contact(session, changes["contact_id"], task.company_id)
    if "token_hours" in changes:
        domain.require_hours(changes["token_hours"])
    before = {name: getattr(task, name) for name in changes}
    for name, value in changes.items():
        setattr(task, name, value)
    if {"consumer_url", "contact_id"} & changes.keys():
        _back_to_validation(session, task, now)
    changed(session, task, "registration.changed", actor, now, before=before, after=changes)
    return task


def write_entry(session: Session, *, number: str, kind: str, text: str, actor: Actor, now: datetime) -> Entry:
    """Add a comment (seen by the contact) or a work note (internal)."""
    task = get(session, number)
    entry = add_entry(session, task, kind, text, actor.name, now)
    audit.record(
        session,
        actor=actor,
        action=f"registration.{kind}_added",
        subject_type=SUBJECT,
        subject_id=number,
        number=number,
        now=now,
    )
    return entry


def cancel(session: Session, *, number: str, reason: str, actor: Actor, now: datetime) -> Registration:
    """Close the task incomplete, whatever step it is in, leaving nothing behind; doing it twice is one effect."""
    task = get(session, number, lock=True)
    if State(task.state) is State.CLOSED_INCOMPLETE:
        return task
    domain.require_open(task.state, number)
    invitations.void(session, number)
    _give_up(session, task, reason or "Registration cancelled", actor, now)
    health.drop_subject(session, subject_type=SUBJECT, subject_id=number, now=now)
    task.reason = reason[:500]
    task.closed_at = now
    task.scan_due_at = None
    move(session, task, Move.CANCEL, actor, now)
    notify(session, "worker")
    return task


def start_again(session: Session, *, number: str, actor: Actor, loopback: bool, now: datetime) -> Registration:
    """Copy a closed task into a new one."""
    task = get(session, number)
    if State(task.state) not in domain.SETTLED:
        raise Conflict(f"{number} is still open", fix="Go on with it, or cancel it first.")
    if task.rekeys is not None:
        again = RekeyingCreate(connection_id=task.rekeys, contact_id=task.contact_id, token_hours=task.token_hours)
        return create_rekeying(session, body=again, actor=actor, now=now)
    body = RegistrationCreate(
        company_id=task.company_id,
        contact_id=task.contact_id,
        consumer_url=task.consumer_url,
        environment=task.environment,
        token_hours=task.token_hours,
    )
    return create(session, body=body, actor=actor, loopback=loopback, now=now)


def announced(session: Session, *, number: str, actor: Actor, now: datetime) -> Registration:
    """The consumer announced itself: work in progress."""
    task = get(session, number, lock=True)
    if State(task.state) is not State.WORK_IN_PROGRESS:
        move(session, task, Move.ANNOUNCE, actor, now)
    return task


def reset(session: Session, *, number: str, actor: Actor, why: str, now: datetime) -> Registration:
    """Put the task back to Open: the link works again until it expires."""
    task = get(session, number, lock=True)
    if task.established is not None:
        raise Conflict(
            f"{number} already has its connection",
            cause="Only the settings round trip is missing; it resumes by itself.",
            fix="Wait, or cancel the task.",
        )
    move(session, task, Move.RESET, actor, now)
    add_entry(session, task, "work_note", f"Handshake reset: {why}", actor.name, now)
    return task


def attach_connection(session: Session, *, number: str, connection_id: str, now: datetime) -> None:
    """The consumer completed the key exchange: remember the connection and spend the token."""
    task = get(session, number, lock=True)
    task.connection_id = connection_id
    invitations.spend(session, number)
    changed(session, task, "registration.connected", SYSTEM, now, after={"connection_id": connection_id})


def attach_rekeyed(session: Session, *, number: str, now: datetime) -> None:
    """The connection of a re-keying has its new keys: spend the token."""
    task = get(session, number, lock=True)
    task.rekeyed_at = now
    invitations.spend(session, number)
    changed(session, task, "registration.rekeyed", SYSTEM, now, after={"connection_id": task.rekeys})


def complete(session: Session, *, connection_id: str, now: datetime) -> Registration | None:
    """Settings are acknowledged both ways: Closed Complete. Returns None where no task waits for it."""
    for task in store.open_for(session, connection_id):
        if task.established == connection_id and State(task.state) is State.WORK_IN_PROGRESS:
            task.closed_at = now
            move(session, task, Move.COMPLETE, SYSTEM, now)
            return task
    return None


def disconnected(session: Session, *, connection_id: str, reason: str, now: datetime) -> None:
    """The connection has been closed: a task that waited for its settings, or was to re-key it, ends with it."""
    for task in store.open_for(session, connection_id):
        cancel(session, number=task.number, reason=reason, actor=SYSTEM, now=now)


def entries(session: Session, number: str, *, internal: bool) -> Sequence[Entry]:
    """Return comments, and with ``internal`` also work notes, oldest first."""
    task = get(session, number)
    return store.entries(session, task.serial, ["comment", "work_note"] if internal else ["comment"])


def view(session: Session, task: Registration, now: datetime) -> RegistrationView:
    """Return what the API and the console show of a task."""
    contact = accounts.get_company_contact(session, task.company_id, task.contact_id)
    link = invitations.view(session, task.number, now)
    issues = health.blocking(session, subject_type=SUBJECT, subject_id=task.number)
    return RegistrationView(
        number=task.number,
        company_id=task.company_id,
        company=contact.company_name,
        contact_id=contact.id,
        contact=contact.name,
        consumer_url=task.consumer_url,
        environment=task.environment,
        state=State(task.state),
        reason=task.reason,
        token_hours=task.token_hours,
        link=LinkView(state=link.state, issued_at=link.issued_at, expires_at=link.expires_at) if link else None,
        open_issues=len(issues),
        opened_by=task.opened_by,
        opened_at=task.opened_at,
        updated_at=task.updated_at,
        closed_at=task.closed_at,
        connection_id=task.established,
        rekeys=task.rekeys,
        version=task.version,
    )


def _give_up(session: Session, task: Registration, reason: str, actor: Actor, now: datetime) -> None:
    """Close the connection that a cancelled task has made; one that it gave other keys is suspended as before."""
    if task.connection_id is not None:
        connections.close(session, connection_id=task.connection_id, reason=reason, actor=actor, now=now)
    elif task.established is not None:
        connections.abandon(session, connection_id=task.established, reason=reason, actor=actor, now=now)


def _differences(task: Registration, body: RegistrationPatch) -> dict[str, Any]:
    return {name: value for name, value in body.model_dump().items() if value != getattr(task, name)}


def _require_contact(session: Session, contact_id: str, company_id: str) -> str:
    """Return the contact's id, which is another one where the given one was merged."""
    contact = accounts.find_company_contact(session, company_id, contact_id)
    if contact is None:
        raise Invalid(
            "The contact is not one of this company",
            code="contact_of_other_company",
            cause="A registration's contact must be associated with the company it is for.",
            fix="Choose one of the company's contacts, or add the person to the company first.",
        )
    return contact.id


def _back_to_validation(session: Session, task: Registration, now: datetime) -> None:
    invitations.void(session, task.number)
    if State(task.state) is State.OPEN:
        task.state = REGISTRATION.advance(State.OPEN, Move.FAIL)
    task.scan_due_at = now
    notify(session, "worker")


def move(session: Session, task: Registration, move: Move, actor: Actor, now: datetime) -> None:
    """Take a move of the table, and audit it where the state changes."""
    before = State(task.state)
    task.state = REGISTRATION.advance(before, move)
    if before != task.state:
        changed(
            session,
            task,
            f"registration.{_verb(State(task.state))}",
            actor,
            now,
            before={"state": before},
            after={"state": task.state, "reason": task.reason},
        )


def _verb(state: State) -> str:
    return state.name.lower()


def changed(
    session: Session,
    task: Registration,
    action: str,
    actor: Actor,
    now: datetime,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Count a change of the task and write it into the audit trail."""
    task.updated_at = now
    task.version = (task.version or 0) + 1
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type=SUBJECT,
        subject_id=task.number,
        number=task.number,
        before=dict(before) if before else None,
        after=dict(after) if after else None,
        now=now,
    )


def add_entry(
    session: Session,
    task: Registration,
    kind: str,
    text: str,
    author: str,
    now: datetime,
    *,
    invitation_id: str | None = None,
) -> Entry:
    """Add a comment or work note."""
    entry = Entry(
        id=new_id(),
        registration_serial=task.serial,
        kind=kind,
        author=author,
        text=text,
        invitation_id=invitation_id,
        created_at=now,
    )
    session.add(entry)
    session.flush()
    return entry
