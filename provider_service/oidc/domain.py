"""Identity providers, who is whom there, and whom their word lets in: pure decisions."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from provider_service.mail.domain import canonical_address
from shared.signing.encoding import to_base64url
from shared.wire.errors import FieldError, Forbidden, Invalid

FLOW_LIFE: Final = timedelta(minutes=10)
"""From the way to the provider to the answer, or to the confirmation of a link."""

OPENID: Final = "openid"
DEFAULT_SCOPES: Final = (OPENID, "email", "profile")

_NAME_LENGTH: Final = 200
_CONTEXT: Final = b"service-exchange-oidc-v1\0"


class Purpose(StrEnum):
    """What a provider is asked for."""

    SIGN_IN = "sign_in"
    LINK = "link"


class LinkedBy(StrEnum):
    """Who said that a subject is a user."""

    PERSON = "person"
    """The user, who proved both."""
    ADMINISTRATOR = "administrator"
    FIRST_SIGN_IN = "first_sign_in"
    """The provider, which may create users."""


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What may be set of an identity provider at any time."""

    name: str
    client_id: str
    scopes: tuple[str, ...]
    may_create_users: bool
    email_trusted: bool
    allowed_domains: tuple[str, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider as the rest of the service sees it."""

    id: str
    slug: str
    issuer: str
    name: str
    client_id: str
    has_client_secret: bool
    scopes: tuple[str, ...]
    may_create_users: bool
    email_trusted: bool
    allowed_domains: tuple[str, ...]
    active: bool
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Identity:
    """A subject at a provider, linked to a user."""

    id: str
    provider_id: str
    provider_name: str
    subject: str
    user_id: str
    email: str
    linked_by: LinkedBy
    linked_at: datetime
    usable: bool
    """False after the password was set by a link: the person has to confirm it anew."""
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Vouched:
    """Somebody a provider vouches for."""

    subject: str
    authenticated_at: datetime | None
    email: str = ""
    email_verified: bool = False
    name: str = ""
    language: str = "en"
    directory_key: str = ""
    """What its ID token says by which the other directory knows them (setting ``directory_claim``)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a provider is to be asked; all secrets follow from what the browser keeps."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


def question(browser: str, state: str) -> Question:
    """Return the secrets of one question: without the browser's cookie nobody can make them, and nothing is stored."""

    def derived(purpose: bytes) -> str:
        key = browser.encode("utf-8", "surrogatepass")
        message = _CONTEXT + purpose + b"\0" + state.encode("utf-8", "surrogatepass")
        return to_base64url(hmac.digest(key, message, hashlib.sha256))

    return Question(state, derived(b"nonce"), derived(b"verifier"))


def require_facts(facts: ProviderFacts) -> ProviderFacts:
    """Return the facts in their one spelling; raise `Invalid` (``scope_missing``, ``domain_invalid``)."""
    if OPENID not in facts.scopes:
        raise Invalid(
            "The scope openid is missing",
            code="scope_missing",
            cause="Without it a provider gives access, but no word about the person.",
            errors=[FieldError("/scopes", "openid is missing")],
        )
    return ProviderFacts(
        name=facts.name,
        client_id=facts.client_id,
        scopes=tuple(dict.fromkeys(facts.scopes)),
        may_create_users=facts.may_create_users,
        email_trusted=facts.email_trusted,
        allowed_domains=tuple(dict.fromkeys(_domain(text) for text in facts.allowed_domains)),
        active=facts.active,
    )


def vouched(subject: str, authenticated_at: datetime | None, claims: dict[str, Any]) -> Vouched:
    """Return what claims say about a person; what has not the form it should have counts as not said."""
    name = next((text for text in (_line(claims.get(key)) for key in ("name", "preferred_username")) if text), "")
    locale = str(claims.get("locale", ""))[:2].lower()
    return Vouched(
        subject=subject,
        authenticated_at=authenticated_at,
        email=_address(claims.get("email")),
        email_verified=claims.get("email_verified") is True,
        name=name,
        language=locale if locale.isascii() and len(locale) == 2 and locale.isalpha() else "en",
    )


def require_creatable(provider: Provider, person: Vouched) -> None:
    """Raise `Forbidden` (``identity_unknown``) unless an unknown subject may become a new user.

    The same for whoever has the address here or not: an unproven address must tell nobody who is known.
    """
    domain = person.email.rpartition("@")[2]
    allowed = not provider.allowed_domains or domain in provider.allowed_domains
    if provider.may_create_users and provider.email_trusted and person.email_verified and person.email and allowed:
        return
    raise Forbidden(
        f"Nobody here is linked to this account at {provider.name}",
        code="identity_unknown",
        cause=_why_unknown(provider, person, allowed=allowed),
        fix=how_to_link(person.subject),
    )


def unknown_there(provider: Provider, person: Vouched) -> Forbidden:
    """Return the refusal of a subject that is nobody of the other directory, or nobody who may come in here."""
    return Forbidden(
        f"Nobody here is this account at {provider.name}",
        code="identity_unknown",
        cause="It is nobody of the directory whose people have access here, or its token does not say who.",
        fix=f"Ask for access first. Its subject is {person.subject}.",
    )


def taken(provider: Provider, person: Vouched) -> Forbidden:
    """Return the refusal of a subject whose proven address somebody here has: equal addresses link nothing."""
    return Forbidden(
        f"Somebody here has the mail address of this account at {provider.name}, but is not linked to it",
        code="identity_not_linked",
        cause="An equal mail address does not prove that both accounts belong to one person.",
        fix=how_to_link(person.subject),
    )


def unconfirmed(provider: Provider) -> Forbidden:
    """Return the refusal of a link from before the password was last set by a link."""
    return Forbidden(
        f"The link to this account at {provider.name} does not count any more",
        code="identity_unconfirmed",
        cause="The password was set anew by a link since, which ends what was linked before.",
        fix="Sign in with the password, and link the account again under My account.",
    )


def how_to_link(subject: str) -> str:
    """Return what to do about an account nobody is linked to."""
    return (
        "Sign in with your password and link the account under My account, or have an administrator link it: "
        f"its subject is {subject}."
    )


def _why_unknown(provider: Provider, person: Vouched, *, allowed: bool) -> str:
    if not provider.may_create_users:
        return "Sign-in by this provider is for people who have been linked."
    if not allowed:
        return "People of this mail domain are not created here."
    if not person.email:
        return "The provider names no mail address."
    return "The provider's word does not prove the mail address."


def _domain(text: str) -> str:
    try:
        return canonical_address(f"nobody@{text.strip().rstrip('.')}").rpartition("@")[2]
    except Invalid as error:
        raise Invalid(
            f"{text[:80]!a} is not a mail domain",
            code="domain_invalid",
            fix="Give domains like example.com.",
            errors=[FieldError("/allowed_domains", "Not a mail domain")],
        ) from error


def _address(given: object) -> str:
    if not isinstance(given, str) or not 3 <= len(given) <= 254:
        return ""
    try:
        return canonical_address(given)
    except Invalid:
        return ""


def _line(given: object) -> str:
    if not isinstance(given, str):
        return ""
    return "".join(character for character in given if character.isprintable()).strip()[:_NAME_LENGTH]
