"""Keep a token for its browser, show it, take it up."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from consumer_service.instance import service as instance
from consumer_service.invitations import domain
from consumer_service.invitations.domain import TokenView
from consumer_service.invitations.tables import Invitation
from shared.signing.envelopes import MasterKey, open_sealed, seal
from shared.wire.identifiers import new_id

Masters = Mapping[str, MasterKey]


def new_browser() -> str:
    """Return the value of the cookie that ties a browser to what it brought."""
    return secrets.token_urlsafe(32)


def keep(session: Session, *, masters: Masters, text: str, browser: str, now: datetime) -> None:
    """Keep the token of a link for this browser, in place of an earlier one. Nothing else happens."""
    token = domain.token_of(text)
    mine = domain.browser_hash(browser)
    session.execute(delete(Invitation).where(Invitation.browser_hash == mine))
    session.execute(delete(Invitation).where(Invitation.expires_at <= now))
    invitation_id = new_id()
    sealed = seal(
        token.encode(),
        master=next(iter(masters.values())),
        version=1,
        table="invitations",
        row=invitation_id,
        column="token_sealed",
    )
    session.add(
        Invitation(
            id=invitation_id, browser_hash=mine, token_sealed=sealed, created_at=now, expires_at=now + domain.KEPT
        )
    )
    session.flush()


def token_for(session: Session, *, masters: Masters, browser: str, now: datetime) -> str | None:
    """Return the token this browser brought, or None."""
    query = select(Invitation).where(
        Invitation.browser_hash == domain.browser_hash(browser), Invitation.expires_at > now
    )
    invitation = session.scalars(query).one_or_none()
    if invitation is None:
        return None
    return open_sealed(
        invitation.token_sealed, masters=masters, table="invitations", row=invitation.id, column="token_sealed"
    ).decode()


def look(session: Session, *, token: str, loopback: bool, now: datetime) -> TokenView:
    """Return what the token says, for a person to confirm; raise its refusal."""
    own = instance.require(session)
    return domain.look(token, own_issuer=own.issuer, loopback=loopback, now=now)


def drop(session: Session, *, browser: str) -> None:
    """Forget what this browser brought: it has been taken up, or turned down."""
    session.execute(delete(Invitation).where(Invitation.browser_hash == domain.browser_hash(browser)))
