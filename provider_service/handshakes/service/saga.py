"""Use cases of the handshake on the provider, each idempotent and complete in one transaction."""

from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.audit.domain import Actor
from provider_service.authorizations import domain as consent
from provider_service.authorizations import service as authorizations
from provider_service.connections import service as connections
from provider_service.handshakes import domain, store
from provider_service.handshakes.service import refusals
from provider_service.handshakes.tables import Handshake
from provider_service.instance import service as instance
from provider_service.invitations import service as invitations
from provider_service.keys import service as keys
from provider_service.registrations import service as registrations
from provider_service.registrations.service import Registration
from shared.delivery import answers, nonces
from shared.delivery.answers import StoredAnswer
from shared.signing.comparison import comparison_code
from shared.signing.keys import PublicKey
from shared.signing.keysets import read_key_set, verifying_keys
from shared.signing.requests import VerifiedRequest
from shared.wire.connection import Settings
from shared.wire.discovery import KeySet, SignedStatement
from shared.wire.errors import Conflict, Gone, NotFound
from shared.wire.identifiers import new_id
from shared.wire.problems import Problem
from shared.wire.registration import (
    Announcement,
    AnnouncementAnswer,
    AuthorizationRequest,
    Completion,
    CompletionAnswer,
    RegistrationStatus,
    Reveal,
)
from shared.wire.states import DeliveryMode, KeyPurpose, Step
from shared.wire.states import RegistrationState as State

Step_ = Callable[[], BaseModel]


def key_set_of(announcement: Announcement, now: datetime) -> KeySet:
    """Return the key set an announcement carries, signed by the identity it names; raise its refusal."""
    statement = announcement.key_set
    key_set = read_key_set(statement, pinned_jkt=statement.kid, minimum_sequence=0, now=int(now.timestamp()))
    if (key_set.issuer, key_set.instance_id) != (announcement.issuer, announcement.instance_id):
        raise Conflict("The key set is another instance's", code="peer_identity_mismatch")
    return key_set


def keys_of(session: Session, number: str, now: datetime) -> Mapping[str, PublicKey]:
    """Return the http keys of the instance a registration is bound to; raise `NotFound` for an unknown one."""
    registrations.get(session, number)
    shake = store.get(session, number)
    if shake is None:
        return {}
    statement = SignedStatement.model_validate(shake.key_set)
    key_set = read_key_set(statement, pinned_jkt=shake.identity_jkt, minimum_sequence=0, now=int(now.timestamp()))
    return verifying_keys(key_set, KeyPurpose.HTTP)


def expect_announcement(session: Session, number: str, announcement: Announcement, now: datetime) -> str:
    """Check what can be checked before anything is fetched; return the consumer URL of the task."""
    task = registrations.get(session, number)
    _require_going_on(task.state, number, task.reason)
    provider = instance.require(session)
    invitations.check(session, token=announcement.token, number=number, issuer=provider.issuer, now=now)
    domain.require_same_host(announcement.issuer, task.consumer_url)
    domain.require_version(announcement.versions)
    shake = store.get(session, number)
    if shake is not None:
        bound = (shake.instance_id, shake.identity_jkt)
        domain.require_bound(bound, domain.announced_as(announcement))
    if task.rekeys is not None and task.rekeyed_at is None:
        connections.require_rekeyable(
            session,
            connection_id=task.rekeys,
            instance_id=announcement.instance_id,
            identity_jkt=announcement.key_set.kid,
            delivery=announcement.delivery,
            epoch=announcement.epoch,
        )
    return task.consumer_url


def announce(
    session: Session, *, number: str, request: VerifiedRequest, announcement: Announcement, now: datetime
) -> StoredAnswer:
    """Bind the registration to the announcing instance and answer with our nonce."""

    def step() -> BaseModel:
        expect_announcement(session, number, announcement, now)
        shake = store.get(session, number, lock=True) or Handshake(number=number, notice_attempts=0)
        if shake.commitment != announcement.nonce_commitment:
            _begin(shake, announcement, now)
            session.add(shake)
        shake.key_set = announcement.key_set.model_dump()
        shake.deadline_at = now + domain.HANDSHAKE_DEADLINE
        _clear_problem(shake)
        store.forget_refused(session, number)
        task = registrations.announced(session, number=number, actor=peer(shake), now=now)
        contact = accounts.get_company_contact(session, task.company_id, task.contact_id)
        link = invitations.view(session, number, now)
        return AnnouncementAnswer(
            state=State(task.state),
            nonce_p=shake.nonce_p,
            company=contact.company_name,
            contact=contact.name,
            token_expires=int(link.expires_at.timestamp()) if link else 0,
            authorization_endpoint=f"{instance.require(session).issuer}/oauth/authorize",
        )

    return once(session, number, request, step, now)


def _begin(shake: Handshake, announcement: Announcement, now: datetime) -> None:
    """Start the comparison anew: new nonces, nothing of an earlier attempt left."""
    shake.instance_id = announcement.instance_id
    shake.identity_jkt = announcement.key_set.kid
    shake.peer_name = announcement.name
    shake.instance_type = announcement.instance_type
    shake.epoch = announcement.epoch
    shake.delivery = announcement.delivery
    shake.commitment = announcement.nonce_commitment
    shake.nonce_p = domain.new_secret()
    shake.nonce_c = None
    shake.announced_at = now
    shake.allowed_by = None


def reveal(session: Session, *, number: str, request: VerifiedRequest, body: Reveal, now: datetime) -> StoredAnswer:
    """Take nonce C, which must be the one committed to."""

    def step() -> BaseModel:
        shake = _going_on(session, number)
        if domain.commitment_of(body.nonce_c) != shake.commitment:
            raise Conflict(
                "The nonce is not the one that was announced",
                code="commitment_mismatch",
                fix="Announce again with a new commitment.",
            )
        shake.nonce_c = body.nonce_c
        return status(session, number)

    return once(session, number, request, step, now)


def request_authorization(
    session: Session, *, number: str, request: VerifiedRequest, body: AuthorizationRequest, now: datetime
) -> StoredAnswer:
    """Keep the pushed authorization request and return its handle (RFC 9126)."""

    def step() -> BaseModel:
        shake = _going_on(session, number)
        if shake.nonce_c is None:
            raise Conflict("The nonce has not been revealed yet", code="reveal_missing", fix="Reveal it first.")
        task = registrations.get(session, number)
        consent.require_request(body, instance_id=shake.instance_id, consumer_url=task.consumer_url)
        _clear_problem(shake)
        return authorizations.push(session, number=number, body=body, now=now)

    return once(session, number, request, step, now)


def complete(
    session: Session, *, number: str, request: VerifiedRequest, body: Completion, now: datetime
) -> StoredAnswer:
    """Exchange the code for the connection: keys pinned, token spent, our settings on their way."""

    def step() -> BaseModel:
        shake = _going_on(session, number)
        task = registrations.get(session, number, lock=True)
        if must_confirm(shake, task.rekeys):
            consent.require_same_comparison(body.comparison_code or "", comparison(session, number))
        shake.allowed_by = authorizations.redeem(session, number=number, body=body, now=now)
        connection_id = task.rekeys or new_id()
        join = _rekeyed if task.rekeys else _opened
        settings = join(session, task=task, shake=shake, connection_id=connection_id, now=now)
        shake.connection_id = connection_id
        shake.deadline_at = None
        _clear_problem(shake)
        return CompletionAnswer(
            connection_id=connection_id,
            settings=settings,
            contact=shake.allowed_by or "",
            environment=task.environment,
        )

    return once(session, number, request, step, now)


def must_confirm(shake: Handshake, rekeys: str | None) -> bool:
    """Tell whether people on both sides have to confirm the comparison code: for ``pull`` and re-keying."""
    return shake.delivery == DeliveryMode.PULL or rekeys is not None


def _opened(session: Session, *, task: Registration, shake: Handshake, connection_id: str, now: datetime) -> Settings:
    settings = connections.open_connection(
        session,
        connection_id=connection_id,
        company_id=task.company_id,
        registration_number=task.number,
        peer_name=shake.peer_name,
        peer_issuer=task.consumer_url,
        peer_instance_id=shake.instance_id,
        peer_instance_type=shake.instance_type,
        peer_epoch=shake.epoch,
        identity_jkt=shake.identity_jkt,
        key_set=shake.key_set,
        delivery=DeliveryMode(shake.delivery),
        environment=task.environment,
        now=now,
    )
    registrations.attach_connection(session, number=task.number, connection_id=connection_id, now=now)
    return settings


def _rekeyed(session: Session, *, task: Registration, shake: Handshake, connection_id: str, now: datetime) -> Settings:
    settings = connections.rekey(
        session,
        connection_id=connection_id,
        instance_id=shake.instance_id,
        identity_jkt=shake.identity_jkt,
        key_set=shake.key_set,
        delivery=shake.delivery,
        epoch=shake.epoch,
        actor=peer(shake),
        now=now,
    )
    registrations.attach_rekeyed(session, number=task.number, now=now)
    return settings


def seen_status(session: Session, *, number: str, request: VerifiedRequest) -> RegistrationStatus:
    """Return where the registration stands, to the bound instance."""
    nonces.remember(session, request.key_id, request.nonce, request.expires)
    return status(session, number)


def status(session: Session, number: str) -> RegistrationStatus:
    """Return state and steps of a registration."""
    task = registrations.get(session, number)
    shake = store.get(session, number)
    done = _done(session, task.state, shake)
    refused, refused_step = refusals.standing(session, task, shake)
    return RegistrationStatus(
        number=number,
        state=State(task.state),
        steps=domain.steps(task.state, done=done, problem=refused, problem_step=refused_step),
        reason=task.reason,
    )


def problem(session: Session, number: str) -> Problem | None:
    """Return what the consumer or its contact was last refused, or refused itself; None where nothing stands."""
    refused, _ = refusals.standing(session, registrations.get(session, number), store.get(session, number))
    return refused


def _done(session: Session, state: str, shake: Handshake | None) -> frozenset[Step]:
    if State(state) is State.CLOSED_COMPLETE:
        return frozenset(Step)
    done: set[Step] = set()
    if State(state) in {State.OPEN, State.WORK_IN_PROGRESS}:
        done |= {Step.VALIDATION, Step.INVITATION}
    if shake is not None and State(state) is State.WORK_IN_PROGRESS:
        done |= {Step.ANNOUNCEMENT} if shake.nonce_c else set()
        done |= {Step.AUTHORIZATION} if shake.allowed_by or authorizations.allowed(session, shake.number) else set()
        done |= {Step.COMPLETION} if shake.connection_id else set()
    return frozenset(done)


def comparison(session: Session, number: str) -> str | None:
    """Return the comparison code, once both nonces are known."""
    shake = store.get(session, number)
    if shake is None or shake.nonce_c is None:
        return None
    provider = instance.require(session)
    return comparison_code(
        provider_issuer=provider.issuer,
        consumer_issuer=registrations.get(session, number).consumer_url,
        provider_id=provider.instance_id,
        consumer_id=shake.instance_id,
        provider_jkt=keys.identity_thumbprint(session),
        consumer_jkt=shake.identity_jkt,
        number=number,
        nonce_p=shake.nonce_p,
        nonce_c=shake.nonce_c,
    )


def _going_on(session: Session, number: str) -> Handshake:
    task = registrations.get(session, number, lock=True)
    _require_going_on(task.state, number, task.reason)
    shake = store.get(session, number, lock=True)
    if shake is None:
        raise NotFound(f"{number} has not been announced", code="registration_unknown", fix="Announce first.")
    return shake


def _require_going_on(state: str, number: str, reason: str) -> None:
    if State(state) in {State.CLOSED_COMPLETE, State.CLOSED_INCOMPLETE}:
        raise Gone(
            f"{number} is {state}",
            code="registration_closed",
            cause=reason,
            fix="Ask the provider for a new registration.",
        )
    if State(state) not in {State.OPEN, State.WORK_IN_PROGRESS}:
        raise Conflict(
            f"{number} is {state}",
            code="registration_not_open",
            cause="The provider's pre-onboarding checks have not passed.",
            fix="Ask the provider to resolve the issues on its Health Dashboard.",
        )


def once(session: Session, number: str, request: VerifiedRequest, step: Step_, now: datetime) -> StoredAnswer:
    """Remember the nonce, then do the step unless its answer is stored."""
    nonces.remember(session, request.key_id, request.nonce, request.expires)
    return answers.once(
        session,
        owner=f"registration:{number}",
        key=str(request.idempotency_key),
        wanted=answers.fingerprint(request.method, request.target_uri, request.body),
        work=lambda: StoredAnswer(200, step().model_dump_json(exclude_none=True)),
        now_ms=int(now.timestamp() * 1000),
    )


def _clear_problem(shake: Handshake) -> None:
    shake.problem = None
    shake.problem_step = None


def peer(shake: Handshake) -> Actor:
    """Return the consumer as the one who acts."""
    return Actor(kind="peer", id=shake.instance_id, name=shake.peer_name)
