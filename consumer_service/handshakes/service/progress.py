"""How far the handshake is, as people see it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from consumer_service.handshakes import domain, store
from consumer_service.handshakes.tables import Handshake
from consumer_service.provider_connections import service as provider_connections
from consumer_service.provider_connections.schemas import ProviderConnectionView
from consumer_service.provider_connections.service import ProviderConnection
from shared.wire.problems import Problem
from shared.wire.registration import StepStatus
from shared.wire.states import DeliveryMode, Step
from shared.wire.states import ProviderConnectionState as State
from shared.wire.version import COMPARISON_ATTEMPTS


def status(session: Session, connection_id: str) -> list[StepStatus]:
    """Return how far each step is."""
    row = provider_connections.get(session, connection_id)
    shake = store.get(session, connection_id)
    return domain.steps(
        row.state,
        done=_done(row, shake),
        problem=shake.problem if shake else None,
        problem_step=shake.problem_step if shake else None,
    )


def comparison(session: Session, connection_id: str) -> tuple[str | None, bool]:
    """Return the comparison code, and whether the person here still has to confirm it."""
    row = provider_connections.get(session, connection_id)
    shake = store.get(session, connection_id)
    if shake is None:
        return None, False
    waits = row.must_confirm and shake.comparison is not None and not shake.confirmed
    return shake.comparison, waits and row.established is None


def _done(row: ProviderConnection, shake: Handshake | None) -> frozenset[Step]:
    if State(row.state) is State.ONBOARDED:
        return frozenset(Step)
    done = {Step.INVITATION}
    if State(row.state) is State.VALIDATED:
        done.add(Step.VALIDATION)
        done |= {Step.ANNOUNCEMENT} if shake is not None and shake.revealed else set()
        done |= {Step.AUTHORIZATION} if shake is not None and (shake.code_sealed or row.established) else set()
        done |= {Step.COMPLETION} if row.established else set()
    return frozenset(done)


def view(session: Session, row: ProviderConnection) -> ProviderConnectionView:
    """Return what the API and the console show of an onboarding."""
    code, waits = comparison(session, row.id)
    discovery = row.discovery or {}
    return ProviderConnectionView(
        id=row.id,
        number=row.number,
        provider=row.provider_issuer,
        provider_name=str(discovery.get("name", "")),
        company=row.company,
        contact=row.contact,
        delivery=DeliveryMode(row.delivery),
        state=State(row.state),
        live=row.live,
        reason=row.reason,
        comparison_code=code,
        awaits_confirmation=waits,
        steps=status(session, row.id),
        open_issues=len(provider_connections.blocking(session, row)),
        token_expires_at=row.token_expires_at,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        connection_id=row.established,
        rekeys=row.rekeys,
        version=row.version,
    )


@dataclass(frozen=True, slots=True)
class PresentAttempt:
    """The present attempt to connect, for the person who makes it."""

    authorize_url: str | None
    """Where the contact allows the connection; None before the provider has taken our request."""
    administrator_id: str | None
    """Whose browser has to bring the answer back."""
    problem: Problem | None
    """What last went wrong, until something went right."""
    tries_left: int
    """How often the comparison code may still be typed."""


def present_attempt(session: Session, connection_id: str) -> PresentAttempt:
    """Return where the present attempt stands; all None before the first."""
    shake = store.get(session, connection_id)
    if shake is None:
        return PresentAttempt(None, None, None, COMPARISON_ATTEMPTS)
    return PresentAttempt(
        authorize_url=shake.authorize_url,
        administrator_id=shake.administrator_id,
        problem=Problem.model_validate(shake.problem) if shake.problem else None,
        tries_left=max(0, COMPARISON_ATTEMPTS - shake.attempts),
    )
