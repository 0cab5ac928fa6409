"""Use cases of the handshake on the consumer; each stores one step before or after a call (see `calls`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from consumer_service.audit.domain import Actor
from consumer_service.connections import service as connections
from consumer_service.handshakes import domain, store
from consumer_service.handshakes.tables import Handshake
from consumer_service.instance import service as instance
from consumer_service.keys import service as keys
from consumer_service.provider_connections import service as provider_connections
from consumer_service.provider_connections.service import ProviderConnection
from shared.signing.comparison import comparison_code
from shared.signing.envelopes import MasterKey, open_sealed, seal
from shared.signing.keys import PrivateKey, PublicKey
from shared.signing.keysets import read_key_set, verifying_keys
from shared.wire.discovery import Discovery
from shared.wire.errors import Conflict, ExchangeError, NotFound
from shared.wire.problems import Problem
from shared.wire.registration import (
    Announcement,
    AnnouncementAnswer,
    AuthorizationAnswer,
    AuthorizationRequest,
    Completion,
    CompletionAnswer,
)
from shared.wire.states import DeliveryMode, KeyPurpose, Step
from shared.wire.states import ProviderConnectionState as State
from shared.wire.version import PROTOCOL_VERSION

Masters = Mapping[str, MasterKey]


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to call, and how to sign and to believe."""

    issuer: str
    number: str
    key: PrivateKey
    keys: Mapping[str, PublicKey]
    """The provider's http keys."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one run through announcement, reveal and authorization sends."""

    peer: Peer
    announcement: Announcement
    nonce_c: str
    authorization: AuthorizationRequest


def peer(session: Session, *, row: ProviderConnection, masters: Masters, now: datetime) -> Peer:
    """Return the provider of a row as the scan has verified it."""
    return Peer(
        issuer=row.provider_issuer,
        number=row.number,
        key=keys.signer(session, masters, KeyPurpose.HTTP),
        keys=provider_keys(row, now),
    )


def provider_keys(row: ProviderConnection, now: datetime) -> Mapping[str, PublicKey]:
    """Return the provider's http keys by id; raise `Conflict` before the scan has verified them."""
    if row.discovery is None:
        raise Conflict("The provider has not been reached yet", fix="Resolve the issues on the Health Dashboard.")
    statement = Discovery.model_validate(row.discovery).key_set
    key_set = read_key_set(statement, pinned_jkt=row.provider_jkt, minimum_sequence=0, now=int(now.timestamp()))
    return verifying_keys(key_set, KeyPurpose.HTTP)


def begin(session: Session, *, connection_id: str, user_id: str, masters: Masters, now: datetime) -> Attempt:
    """Begin, or take up again, an attempt to connect; raise `Conflict` before validation or after the end."""
    row = provider_connections.get(session, connection_id, lock=True)
    if State(row.state) is not State.VALIDATED or row.established is not None:
        raise Conflict(
            f"Connecting is not possible in state {row.state}",
            code="not_validated",
            fix="Resolve the issues on the Health Dashboard first."
            if State(row.state) is not State.ONBOARDED
            else "Nothing is left to do.",
        )
    nonce_c, state, verifier = domain.new_secret(), domain.new_secret(), domain.new_secret()
    shake = _fresh(session, connection_id, nonce_c, state, verifier, masters)
    shake.administrator_id = user_id
    shake.begun_at = now
    session.flush()
    own = instance.require(session)
    return Attempt(
        peer=peer(session, row=row, masters=masters, now=now),
        announcement=Announcement(
            token=provider_connections.token(row, masters),
            issuer=own.issuer,
            instance_id=own.instance_id,
            epoch=own.epoch,
            instance_type=own.instance_type,
            name=own.name,
            versions=[PROTOCOL_VERSION],
            delivery=DeliveryMode(row.delivery),
            nonce_commitment=shake.commitment,
            key_set=keys.key_set(session),
        ),
        nonce_c=nonce_c,
        authorization=AuthorizationRequest(
            response_type="code",
            client_id=own.instance_id,
            redirect_uri=own.issuer + domain.CALLBACK_PATH,
            state=state,
            code_challenge=domain.challenge_of(verifier),
            code_challenge_method="S256",
        ),
    )


def _fresh(
    session: Session, connection_id: str, nonce_c: str, state: str, verifier: str, masters: Masters
) -> Handshake:
    shake = store.get(session, connection_id, lock=True)
    if shake is None:
        shake = Handshake(provider_connection_id=connection_id, attempts=0, notice_attempts=0)
        session.add(shake)
    shake.commitment = domain.commitment_of(nonce_c)
    shake.state_hash = domain.digest(state)
    shake.verifier_sealed = _seal(shake, "verifier_sealed", verifier, masters)
    shake.nonce_p = shake.comparison = shake.authorize_url = shake.code_sealed = None
    shake.revealed = shake.confirmed = False
    _clear_problem(shake)
    return shake


def announced(
    session: Session, *, connection_id: str, attempt: Attempt, answer: AnnouncementAnswer, now: datetime
) -> None:
    """The provider took our announcement: keep its nonce and whom it names."""
    row, shake = _mine(session, connection_id, attempt)
    row.company = answer.company[:200]
    row.contact = answer.contact[:200]
    shake.nonce_p = answer.nonce_p
    own = instance.require(session)
    discovery = Discovery.model_validate(row.discovery)
    shake.comparison = comparison_code(
        provider_issuer=row.provider_issuer,
        consumer_issuer=own.issuer,
        provider_id=discovery.instance_id,
        consumer_id=own.instance_id,
        provider_jkt=row.provider_jkt,
        consumer_jkt=keys.identity_thumbprint(session),
        number=row.number,
        nonce_p=answer.nonce_p,
        nonce_c=attempt.nonce_c,
    )
    row.updated_at = now


def ready(
    session: Session,
    *,
    connection_id: str,
    attempt: Attempt,
    endpoint: str,
    answer: AuthorizationAnswer,
) -> tuple[str, str]:
    """The request is pushed: return where the browser goes, and the comparison code."""
    row, shake = _mine(session, connection_id, attempt)
    shake.revealed = True
    shake.authorize_url = domain.authorize_url(
        endpoint,
        provider_issuer=row.provider_issuer,
        client_id=attempt.authorization.client_id,
        request_uri=answer.request_uri,
    )
    return shake.authorize_url, shake.comparison or ""


def returned(
    session: Session,
    *,
    state: str,
    iss: str | None,
    code: str | None,
    error: str | None,
    user_id: str,
    masters: Masters,
    now: datetime,
) -> str:
    """The browser came back: keep the code for the completion, or the denial for people to see.

    Returns the provider connection's id. Raises `NotFound` for a state nobody began, `Forbidden` for the wrong
    provider or person. Coming back twice with the same answer is one effect.
    """
    shake = store.by_state(session, domain.digest(state))
    if shake is None:
        raise NotFound(
            "This return belongs to no attempt to connect",
            code="authorization_unknown",
            fix="Begin again with Connect to Provider.",
        )
    row = provider_connections.get(session, shake.provider_connection_id, lock=True)
    domain.require_issuer(iss, row.provider_issuer)
    domain.require_administrator(user_id, shake.administrator_id)
    if row.established is not None:
        return row.id
    if code is None:
        refusal = Conflict(
            "The contact did not allow the connection",
            code=error or "access_denied",
            fix="Clear it up with the contact, then choose Connect to Provider again.",
        )
        note_failure(session, connection_id=row.id, step=Step.AUTHORIZATION, error=refusal)
        return row.id
    shake.code_sealed = _seal(shake, "code_sealed", code, masters)
    _clear_problem(shake)
    if not row.must_confirm or shake.confirmed:
        shake.complete_due_at = now
    return row.id


def confirm(session: Session, *, connection_id: str, typed: str, now: datetime) -> None:
    """The person here confirms the comparison code that the provider shows (pull, re-keying)."""
    shake = found(session, connection_id)
    domain.require_comparison(typed, shake.comparison, shake.attempts)
    shake.confirmed = True
    if shake.code_sealed is not None:
        shake.complete_due_at = now


def wrong_code(session: Session, *, connection_id: str) -> None:
    """Count a wrong comparison code."""
    found(session, connection_id).attempts += 1


def completion(
    session: Session, *, connection_id: str, masters: Masters, now: datetime
) -> tuple[Peer, Completion] | None:
    """Return the completion to send, due again in a few seconds should nothing come of it; None if nothing is due."""
    row = provider_connections.get(session, connection_id, lock=True)
    shake = found(session, connection_id)
    over = row.established is not None or State(row.state) is not State.VALIDATED
    unconfirmed = row.must_confirm and not shake.confirmed
    if shake.code_sealed is None or over or unconfirmed:
        shake.complete_due_at = None
        return None
    shake.complete_due_at = now + domain.COMPLETION_RETRY
    body = Completion(
        code=_open(shake, "code_sealed", shake.code_sealed, masters),
        code_verifier=_open(shake, "verifier_sealed", shake.verifier_sealed, masters),
        redirect_uri=instance.require(session).issuer + domain.CALLBACK_PATH,
        comparison_code=shake.comparison if row.must_confirm else None,
    )
    return peer(session, row=row, masters=masters, now=now), body


def completed(session: Session, *, connection_id: str, answer: CompletionAnswer, now: datetime) -> None:
    """The provider opened the connection: pin it here, and send our settings."""
    row = provider_connections.get(session, connection_id, lock=True)
    shake = found(session, connection_id)
    shake.complete_due_at = shake.code_sealed = None
    _clear_problem(shake)
    if row.established is not None:
        return
    discovery = Discovery.model_validate(row.discovery)
    actor = Actor(kind="peer", id=discovery.instance_id, name=discovery.name)
    if row.rekeys is None:
        _opened(session, row, discovery, answer, now)
    else:
        _rekeyed(session, row, discovery, answer.connection_id, actor, now)
    provider_connections.connected(
        session, connection_id=connection_id, established_id=answer.connection_id, actor=actor, now=now
    )


def _opened(
    session: Session, row: ProviderConnection, discovery: Discovery, answer: CompletionAnswer, now: datetime
) -> None:
    connections.open_connection(
        session,
        connection_id=answer.connection_id,
        registration_number=row.number,
        environment=answer.environment,
        peer_name=discovery.name,
        peer_issuer=row.provider_issuer,
        peer_instance_id=discovery.instance_id,
        peer_instance_type=discovery.instance_type,
        peer_epoch=discovery.epoch,
        identity_jkt=row.provider_jkt,
        key_set=discovery.key_set.model_dump(),
        delivery=DeliveryMode(row.delivery),
        now=now,
    )


def _rekeyed(
    session: Session, row: ProviderConnection, discovery: Discovery, connection_id: str, actor: Actor, now: datetime
) -> None:
    if connection_id != row.rekeys:
        raise Conflict(
            "The provider gave other keys to another connection than its invitation named",
            code="rekeying_mismatch",
            fix="Do not go on; cancel, and ask the provider.",
        )
    connections.rekey(
        session,
        connection_id=connection_id,
        instance_id=discovery.instance_id,
        identity_jkt=row.provider_jkt,
        key_set=discovery.key_set.model_dump(),
        delivery=row.delivery,
        epoch=discovery.epoch,
        actor=actor,
        now=now,
    )


def note_failure(session: Session, *, connection_id: str, step: Step, error: ExchangeError) -> None:
    """Keep a refusal for people to see, and stop trying what cannot help any more."""
    shake = store.get(session, connection_id, lock=True)
    if shake is None:
        return
    shake.problem = Problem.from_error(error, 409).to_wire()
    shake.problem_step = step
    if error.code in domain.FINAL | domain.BROKEN_CODE:
        shake.complete_due_at = shake.code_sealed = None


def completions_due(session: Session, *, now: datetime) -> list[str]:
    """Return the provider connections whose completion is to be tried now."""
    return [shake.provider_connection_id for shake in store.completions_due(session, now)]


def _mine(session: Session, connection_id: str, attempt: Attempt) -> tuple[ProviderConnection, Handshake]:
    """Return the rows, unless a newer attempt or the end has overtaken this one."""
    row = provider_connections.get(session, connection_id, lock=True)
    shake = found(session, connection_id)
    if shake.commitment != attempt.announcement.nonce_commitment or State(row.state) is not State.VALIDATED:
        raise Conflict(
            "A newer attempt or a cancellation has overtaken this one",
            code="attempt_overtaken",
            fix="Reload to see where the connection stands.",
        )
    return row, shake


def found(session: Session, connection_id: str) -> Handshake:
    """Return the handshake of a provider connection, locked; raise `NotFound` before anything was begun."""
    shake = store.get(session, connection_id, lock=True)
    if shake is None:
        raise NotFound("Nothing has been begun with this provider", fix="Choose Connect to Provider.")
    return shake


def _clear_problem(shake: Handshake) -> None:
    shake.problem = None
    shake.problem_step = None


def _seal(shake: Handshake, column: str, value: str, masters: Masters) -> str:
    row = shake.provider_connection_id
    master = next(iter(masters.values()))
    return seal(value.encode(), master=master, version=1, table="handshakes", row=row, column=column)


def _open(shake: Handshake, column: str, sealed: str, masters: Masters) -> str:
    row = shake.provider_connection_id
    return open_sealed(sealed, masters=masters, table="handshakes", row=row, column=column).decode()
