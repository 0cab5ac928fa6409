"""Who calls and what that allows: roles, scopes, passwords, lockouts, the life of sessions and tokens."""

import hashlib
import ipaddress
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from provider_service.audit.domain import Actor
from shared.wire.errors import Conflict, FieldError, Forbidden, Invalid
from shared.wire.states import Role

SESSION_IDLE: Final = timedelta(minutes=30)
SESSION_LIFE: Final = timedelta(hours=12)
"""Longest life of a session, however busy it is."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""Last use of a session or token is written down this often at most."""

SETUP_TOKEN_LIFE: Final = timedelta(minutes=30)
LINK_LIFE: Final = {"set": timedelta(hours=24), "reset": timedelta(hours=1)}
"""Purpose of a password mail to how long its link works."""

TOKEN_PREFIX: Final = "sx_"  # noqa: S105 - what tokens begin with, so that scanners find leaked ones
TOKEN_DAYS: Final = 365
"""Longest life of an API token, in days."""

PASSWORD_LENGTH: Final = 12
PASSWORD_LIMIT: Final = 256

ACCOUNT_TRIES: Final = 10
ADDRESS_TRIES: Final = 50
"""Tries before a pause; an address may be a whole office behind one router."""
RESETS_AN_ACCOUNT: Final = 5
RESETS_AN_ADDRESS: Final = 20
LOCK_FIRST: Final = timedelta(minutes=1)
LOCK_LONGEST: Final = timedelta(minutes=15)
TRIES_FORGOTTEN: Final = timedelta(hours=1)
"""Counting begins anew after this long without a try."""

KEY_ROLES: Final = frozenset(role for role in Role if role.value.startswith("sn_kmf."))
"""Roles only a holder of ``sn_kmf.admin`` gives and takes."""
FIRST_ADMIN_ROLES: Final = frozenset({Role.ADMIN, Role.SN_KMF_ADMIN, Role.SN_KMF_CRYPTOGRAPHIC_MANAGER})
KEPT_ROLES: Final = frozenset({Role.ADMIN, Role.SN_KMF_ADMIN})
"""Roles that somebody active always holds: without them nobody could give them back."""

SCOPES: Final = frozenset(
    f"{noun}:{act}"
    for noun in ("users", "tokens", "companies", "registrations", "connections", "issues", "keys", "incidents",
                 "instance", "mails", "options", "self_service", "identity-providers")
    for act in ("read", "write")
) | {"audit:read", "events:read"}  # fmt: skip
"""What a token may be allowed; ``write`` includes ``read``."""


class AtDirectory(StrEnum):
    """How another directory has a person of its own."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    GONE = "gone"


class AuthenticatedBy(StrEnum):
    """How somebody proved who they are."""

    LOCAL = "local"
    OIDC = "oidc"
    """An identity provider said so."""


@dataclass(frozen=True, slots=True)
class Proof:
    """By what a session began."""

    by: AuthenticatedBy = AuthenticatedBy.LOCAL
    at: datetime | None = None
    """When the person proved it; None: in the moment the session began."""
    provider_id: str | None = None
    subject: str | None = None
    """Whom the identity provider meant."""


LOCAL: Final = Proof()
"""By password, here."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who stands behind a request."""

    actor: Actor
    user_id: str
    roles: frozenset[Role]
    scopes: frozenset[str] | None = None
    """What a token is limited to; None for a session, which may all its roles allow."""
    csrf_secret: bytes | None = None
    """Secret of the session that form tokens derive from; None for a token, which no browser sends by itself."""
    email: str = ""
    language: str = "en"
    proof: Proof = LOCAL
    """How the person of a session was authenticated; a token proves nobody's presence, so it is never by OIDC."""
    mailbox_proven: bool = True
    """False where the address is another directory's word, which proves no mailbox."""

    @property
    def authenticated_by(self) -> AuthenticatedBy:
        """Return whether the person behind the session is known by a local password or an identity provider."""
        return self.proof.by


@dataclass(frozen=True, slots=True)
class Person:
    """A user as the rest of the service sees one."""

    id: str
    email: str
    login: str
    name: str
    language: str
    active: bool
    roles: frozenset[Role]
    has_password: bool
    resets: int
    """How often the password was set by a link; what was linked before the last time is not believed."""
    last_sign_in_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    at_directory: AtDirectory | None = None
    """Of a person of the other directory: how that has them."""


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """What the other directory says of a person of its own."""

    id: str
    login: str
    email: str
    name: str
    language: str
    active: bool


@dataclass(frozen=True, slots=True)
class UserChanges:
    """What may be changed of a person; roles and credentials have use cases of their own."""

    email: str
    name: str
    language: str
    active: bool
    login: str | None = None
    """None leaves it; where it was the address, it follows the address."""


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A group as the rest of the service sees it."""

    id: str
    name: str
    privileged: bool
    members: tuple[str, ...]
    """Ids of its people, in order."""
    created_at: datetime
    updated_at: datetime
    version: int


def operator(name: str) -> Caller:
    """Return the caller that stands for whoever runs the command line: it has the machine, so it may everything."""
    return Caller(Actor("operator", name, name), "", frozenset(Role))


def hashed(secret: str) -> str:
    """Return the SHA-256 of a random secret in hex; enough for secrets of 256 bits, never for passwords."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def email_key(email: str) -> str:
    """Return what two spellings of one address have in common."""
    folded = email.strip().casefold().encode("utf-8", "replace").decode()
    return folded.replace("\0", "?")  # what no database can look up is nobody's address either


def login_after(person: Person, wanted: UserChanges, address: str) -> str:
    """Return the login a person has after a change: it follows the address unless it is a name of its own."""
    if wanted.login is not None:
        return wanted.login
    return address if person.login == person.email else person.login


def require_ours(person: Person) -> None:
    """Raise `Conflict` (``user_of_directory``) for a person of another directory, who signs in by that alone."""
    if person.at_directory is not None:
        raise Conflict(
            "This person belongs to the other directory",
            code="user_of_directory",
            cause="Name, address and the ways to sign in are kept there.",
            fix="Have it changed in that directory.",
        )


def require_changeable(person: Person, wanted: UserChanges, address: str) -> None:
    """Raise `Conflict` (``user_of_directory``) where a change is the other directory's to make.

    Whoever it lets in can be shut out here, and let in again.
    """
    same = (address, wanted.name) == (person.email, person.name) and wanted.login in {None, person.login}
    if not same or (wanted.active and not person.active and person.at_directory is not AtDirectory.ACTIVE):
        require_ours(person)


def is_privileged(roles: Set[Role]) -> bool:
    """Tell whether somebody with these roles acts for the provider, so that no foreign directory may change them."""
    return bool(roles - {Role.SN_SB_PRO_CONSUMER})


def require_role(caller: Caller, roles: Iterable[Role]) -> None:
    """Raise `Forbidden` (``role_missing``) unless the caller holds one of ``roles``."""
    wanted = sorted(roles)
    if not caller.roles.intersection(wanted):
        raise Forbidden(
            "Your roles do not allow this",
            code="role_missing",
            cause=f"It takes one of the roles {', '.join(wanted)}.",
            fix=_who_assigns(wanted),
        )


def require_scope(caller: Caller, scope: str) -> None:
    """Raise `Forbidden` (``scope_missing``) unless the caller's token, if it is one, was made for ``scope``."""
    if caller.scopes is not None and scope not in _implied(caller.scopes):
        raise Forbidden(
            "The token was not made for this",
            code="scope_missing",
            cause=f"It takes the scope {scope}.",
            fix="Make a token with that scope.",
        )


def require_scopes_held(caller: Caller, scopes: Set[str]) -> None:
    """Raise `Forbidden` when a token would make a token that may more than itself, `Invalid` for an unknown scope."""
    unknown = sorted(scopes - SCOPES)
    if unknown:
        raise Invalid(
            "There is no such scope",
            code="scope_unknown",
            cause=f"Scopes are: {', '.join(sorted(SCOPES))}.",
            errors=[FieldError("/scopes", "Unknown scope")],
        )
    for scope in sorted(scopes):
        require_scope(caller, scope)


def require_grant(caller: Caller, user_id: str, before: Set[Role], after: Set[Role]) -> None:
    """Raise `Forbidden` unless the caller may turn the roles of ``user_id`` from ``before`` into ``after``."""
    changed = before ^ after
    if changed & KEY_ROLES:
        require_role(caller, [Role.SN_KMF_ADMIN])
    if changed - KEY_ROLES:
        require_role(caller, [Role.ADMIN])
    if caller.user_id and caller.user_id == user_id and after - before:
        raise Forbidden(
            "Nobody gives roles to themselves", code="own_roles", fix="Ask another administrator to assign the role."
        )


def require_power_over(caller: Caller, roles: Set[Role]) -> None:
    """Raise `Forbidden` where the caller could take over somebody with key roles by changing address or password."""
    if roles & KEY_ROLES:
        require_role(caller, [Role.SN_KMF_ADMIN])


def check_password(password: str, *, email: str, name: str) -> None:
    """Raise `Invalid` (``password_weak``) unless the password is long enough and is not the person's name or address.

    No rules of composition: they make passwords worse (NIST SP 800-63B section 5.1.1).
    """
    if not PASSWORD_LENGTH <= len(password) <= PASSWORD_LIMIT:
        raise _weak(f"A password has {PASSWORD_LENGTH} to {PASSWORD_LIMIT} characters")
    plain = _letters(password)
    if plain in {_letters(email), _letters(email.partition("@")[0]), _letters(name)}:
        raise _weak("The password must not be your name or your mail address")
    if len(set(password)) < 4:
        raise _weak("The password repeats too few characters")


def lock_until(count: int, limit: int, now: datetime) -> datetime | None:
    """Return how long the next try must wait after ``count`` tries; the pause doubles from try to try."""
    if count < limit:
        return None
    doubled = LOCK_FIRST * (1 << min(count - limit, 10))
    return now + min(doubled, LOCK_LONGEST)


def account_key(email: str, purpose: str) -> str:
    """Return what tries on one account are counted under, whether anybody has it or not."""
    return f"{purpose}:account:{hashed(email_key(email))}"


def address_key(address: str, purpose: str) -> str:
    """Return what tries from one network address are counted under: of IPv6 the /64 one customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return f"{purpose}:address:{hashed(address)}"
    network = ipaddress.ip_network((parsed, 64 if parsed.version == 6 else 32), strict=False)
    return f"{purpose}:address:{hashed(str(network))}"


def session_over(created_at: datetime, last_seen_at: datetime, now: datetime) -> bool:
    """Tell whether a session has ended by idleness or by age."""
    return now - last_seen_at >= SESSION_IDLE or now - created_at >= SESSION_LIFE


def note_due(last: datetime | None, now: datetime) -> bool:
    """Tell whether a use should be written down again."""
    return last is None or now - last >= NOTED_EVERY


def _implied(scopes: Set[str]) -> set[str]:
    return {*scopes, *(f"{scope.partition(':')[0]}:read" for scope in scopes if scope.endswith(":write"))}


def _who_assigns(roles: Iterable[Role]) -> str:
    by = Role.SN_KMF_ADMIN if KEY_ROLES.issuperset(roles) else Role.ADMIN
    return f"Ask somebody with the role {by} to assign one of them."


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _weak(why: str) -> Invalid:
    return Invalid(
        why,
        code="password_weak",
        fix="Choose another one, for instance of several words.",
        errors=[FieldError("/password", why)],
    )
