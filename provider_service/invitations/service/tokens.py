"""Mint, show, check, void and spend registration tokens."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from provider_service.instance import service as instance
from provider_service.invitations import domain, store
from provider_service.invitations.domain import InvitationView
from provider_service.invitations.tables import Invitation
from provider_service.keys import service as keys
from shared.signing import tokens as jwt
from shared.signing.envelopes import MasterKey, open_sealed, seal
from shared.signing.errors import TokenRefused
from shared.wire.errors import Forbidden
from shared.wire.identifiers import new_id
from shared.wire.registration import TOKEN_TYPE
from shared.wire.states import KeyPurpose

CLAIMS = ("iss", "aud", "sub", "jti", "iat", "exp", "provider_jkt")
SEAL_VERSION = 1


def issue(
    session: Session,
    *,
    masters: Mapping[str, MasterKey],
    number: str,
    audience: str,
    hours: int,
    rekeys: str | None = None,
    now: datetime,
) -> Invitation:
    """Mint a token for the registration ``number``; an earlier one is revoked by it.

    ``rekeys``: the connection that gets other keys by it.
    """
    void(session, number)
    provider = instance.require(session)
    jti = secrets.token_urlsafe(32)
    expires = now + timedelta(hours=hours)
    claims = {
        "iss": provider.issuer,
        "aud": audience,
        "sub": number,
        "jti": jti,
        "iat": int(now.timestamp()),
        "exp": int(expires.timestamp()),
        "provider_jkt": keys.identity_thumbprint(session),
    } | ({"rekeys": rekeys} if rekeys else {})
    token = jwt.issue(claims, keys.signer(session, masters, KeyPurpose.TOKEN), typ=TOKEN_TYPE)
    invitation_id = new_id()
    invitation = Invitation(
        id=invitation_id,
        number=number,
        audience=audience,
        jti_hash=domain.jti_hash(jti),
        token_sealed=seal(
            token.encode(),
            master=next(iter(masters.values())),
            version=SEAL_VERSION,
            table="invitations",
            row=invitation_id,
            column="token_sealed",
        ),
        state="issued",
        issued_at=now,
        expires_at=expires,
    )
    session.add(invitation)
    session.flush()
    return invitation


def link(session: Session, *, masters: Mapping[str, MasterKey], invitation_id: str, now: datetime) -> str | None:
    """Return the link of an invitation that may still be used, else None. The only place that opens a token."""
    invitation = session.get(Invitation, invitation_id)
    if invitation is None or invitation.token_sealed is None or invitation.expires_at <= now:
        return None
    token = open_sealed(
        invitation.token_sealed, masters=masters, table="invitations", row=invitation.id, column="token_sealed"
    )
    return f"{invitation.audience}/onboarding#token={token.decode()}"


def view(session: Session, number: str, now: datetime) -> InvitationView | None:
    """Return what people see of the youngest invitation of a registration."""
    invitation = store.latest(session, number)
    if invitation is None:
        return None
    state = domain.shown_state(invitation.state, invitation.expires_at, now)
    return InvitationView(state, invitation.issued_at, invitation.expires_at)


def usable(session: Session, number: str, now: datetime) -> Invitation | None:
    """Return the invitation whose link may be handed out, or None."""
    invitation = store.issued(session, number)
    return invitation if invitation is not None and invitation.expires_at > now else None


def usable_for(session: Session, audience: str, now: datetime) -> Sequence[str]:
    """Return the numbers of registrations with a link for this address that may still be used."""
    return store.usable_for(session, audience, now)


def check(session: Session, *, token: str, number: str, issuer: str, now: datetime) -> Invitation:
    """Return the invitation behind a token shown by a consumer, or raise the refusal that names its fault.

    The audience is the caller's to compare, as only the registration knows the consumer's address.
    """
    invitation_of_number = store.latest(session, number)
    audience = invitation_of_number.audience if invitation_of_number else ""
    try:
        claims = jwt.read(
            token,
            keys=keys.verifiers(session, KeyPurpose.TOKEN),
            typ=TOKEN_TYPE,
            issuer=issuer,
            audience=audience,
            required=CLAIMS,
            now=int(now.timestamp()),
        )
    except TokenRefused as refusal:
        raise _told(refusal) from refusal
    invitation = store.by_hash(session, domain.jti_hash(str(claims["jti"])))
    if invitation is None or invitation.number != number or claims["sub"] != number:
        raise Forbidden(
            "The registration token does not belong to this registration",
            code="token_malformed",
            fix="Use the link exactly as it was sent.",
        )
    domain.refuse(domain.shown_state(invitation.state, invitation.expires_at, now))
    return invitation


def is_ours(session: Session, *, token: str, number: str) -> bool:
    """Tell whether we once made this token for this registration, whatever has become of it since."""
    try:
        found = jwt.peek(token, typ=TOKEN_TYPE)
        key = keys.verifiers(session, KeyPurpose.TOKEN).get(found.key_id)
        if key is None:
            return False
        jwt.verify_signature(token, key)
    except TokenRefused:
        return False
    invitation = store.by_hash(session, domain.jti_hash(str(found.claims.get("jti"))))
    return invitation is not None and invitation.number == number


def _told(refusal: TokenRefused) -> Forbidden:
    code = refusal.code
    if code == "token_expired":
        return Forbidden(
            "The registration link has expired",
            code="token_expired",
            cause="Links are valid for a limited time.",
            fix="Ask the provider to issue a new link; the registration itself is still open.",
        )
    if code == "token_wrong_audience":
        return Forbidden(
            "The registration link is for another address",
            code="token_wrong_host",
            cause="The consumer address of the registration and of this instance differ.",
            fix="Open the link on the instance it names, or ask the provider to correct the address.",
        )
    return Forbidden(
        "The registration token is not genuine or not complete",
        code="token_malformed",
        cause=str(refusal),
        fix="Use the link exactly as it was sent, or ask for a new one.",
    )


def void(session: Session, number: str) -> bool:
    """Revoke the registration's usable token, if there is one; tell whether there was."""
    return _end(session, number, "revoked")


def spend(session: Session, number: str) -> None:
    """Mark the registration's token as used; it is worth nothing from here on."""
    _end(session, number, "used")


def _end(session: Session, number: str, state: str) -> bool:
    invitation = store.issued(session, number)
    if invitation is None:
        return False
    invitation.state = state
    invitation.token_sealed = None
    session.flush()
    return True
