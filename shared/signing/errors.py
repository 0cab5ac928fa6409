"""Why a signature, statement, token, key or envelope is not accepted.

::

    Unauthenticated (shared.wire.errors)
    ├── SignatureRefused            one class a rung, in the order the ladder is walked (design: protocol.md)
    │   ├── BodyTooLarge            size
    │   ├── SignatureMissing        header form: no signature at all
    │   ├── HeaderMalformed         header form: duplicate, unclean or forbidden headers; method, target, digest
    │   ├── WrongTag                tag: not exactly one signature of this profile
    │   ├── WrongParameters         parameters: not exactly the profile's, or out of range
    │   ├── TooOld, FromFuture      age (requests); both carry ``server_time``
    │   ├── WrongEcho               age's place in responses: not an answer to this request
    │   ├── NotCovered              coverage
    │   ├── KeyUnknown              key
    │   ├── DigestMismatch          digest
    │   ├── SignatureInvalid        signature
    │   └── NonceSeen               nonce (raised by whoever keeps the nonces)
    ├── KeyRefused                  a JWK or private key that is not one of ours
    ├── StatementRefused
    │   ├── StatementMalformed, StatementContext, StatementIdentity, StatementSignature
    │   └── KeySetRefused
    │       └── KeySetMalformed, KeySetRolledBack, KeySetExpired
    ├── TokenRefused
    │   └── TokenMalformed, TokenWrongType, TokenUnknownKey, TokenBadSignature, TokenMissingClaim,
    │       TokenWrongIssuer, TokenWrongAudience, TokenNotYetValid, TokenExpired
    └── IdTokenRefused              an identity provider's word about a person
        └── IdTokenKeyUnknown
    ExchangeError (shared.wire.errors)
    └── EnvelopeRefused             ours: the stored secret or the configured master key is wrong
        └── EnvelopeMalformed, EnvelopeMasterUnknown, EnvelopeTampered
"""

from shared.wire.errors import ExchangeError, Unauthenticated


class SignatureRefused(Unauthenticated):
    """A request or response whose signature is not accepted; each subclass is one rung of the ladder."""

    code = "signature_refused"
    title = "The signature is not accepted"


class BodyTooLarge(SignatureRefused):
    """The body is larger than the limit, so nothing else of the message is looked at."""

    code = "too_large"
    title = "The body is too large"


class SignatureMissing(SignatureRefused):
    """The message carries no signature."""

    code = "signature_missing"
    title = "The message is not signed"


class HeaderMalformed(SignatureRefused):
    """A header, the method or the target is not in the one form the profile allows."""

    code = "signature_malformed"
    title = "A signed message must follow the one layout of the profile"


class WrongTag(SignatureRefused):
    """Not exactly one signature bears the tag of the profile (RFC 9421 section 2.3)."""

    code = "signature_tag"
    title = "Exactly one signature must bear the tag of the profile"


class WrongParameters(SignatureRefused):
    """The signature's parameters are not exactly those of the profile."""

    code = "signature_parameters"
    title = "The signature's parameters are not those of the profile"


class TooOld(SignatureRefused):
    """The signature has expired; ``server_time`` (unix seconds) says what the clock here shows."""

    code = "signature_too_old"
    title = "The signature is too old"


class FromFuture(SignatureRefused):
    """The signature is younger than now; ``server_time`` (unix seconds) says what the clock here shows."""

    code = "signature_from_future"
    title = "The signature was made in the future"


class WrongEcho(SignatureRefused):
    """The response does not echo the nonce of the request it should answer."""

    code = "response_nonce"
    title = "The response answers another request"


class NotCovered(SignatureRefused):
    """The signature does not cover exactly the components that the profile asks for this message."""

    code = "signature_coverage"
    title = "The signature does not cover what it must"


class KeyUnknown(SignatureRefused):
    """No usable key of that id is known for this sender."""

    code = "key_unknown"
    title = "The signing key is not known"


class DigestMismatch(SignatureRefused):
    """The body is not the one the digest was taken of (RFC 9530)."""

    code = "digest_mismatch"
    title = "The body does not match its digest"


class SignatureInvalid(SignatureRefused):
    """The signature was not made by this key over this message."""

    code = "signature_invalid"
    title = "The signature is not valid"


class NonceSeen(SignatureRefused):
    """The nonce has been used before: a replay."""

    code = "nonce_seen"
    title = "The nonce was used before"


class KeyRefused(Unauthenticated):
    """Not a key of the two algorithms in the form we accept (RFC 7517, RFC 8037)."""

    code = "key_malformed"
    title = "The key is not acceptable"


class StatementRefused(Unauthenticated):
    """A statement that the identity key did not make, or made about something else."""

    code = "statement_refused"
    title = "The signed statement is not accepted"


class StatementMalformed(StatementRefused):
    """The statement or its payload cannot be read."""

    code = "statement_malformed"
    title = "The signed statement cannot be read"


class StatementContext(StatementRefused):
    """The statement was made for another context."""

    code = "statement_context"
    title = "The signed statement was made for another purpose"


class StatementIdentity(StatementRefused):
    """The statement was made by another identity than the pinned one."""

    code = "statement_identity"
    title = "The signed statement comes from another identity"


class StatementSignature(StatementRefused):
    """The identity key did not sign these bytes."""

    code = "statement_signature"
    title = "The signed statement's signature is not valid"


class KeySetRefused(StatementRefused):
    """A key set that is authentic, yet not acceptable."""

    code = "key_set_refused"
    title = "The key set is not accepted"


class KeySetMalformed(KeySetRefused):
    """The key set breaks its own rules: key ids, purposes, algorithms."""

    code = "key_set_malformed"
    title = "The key set is not well formed"


class KeySetRolledBack(KeySetRefused):
    """The key set is older than one already seen."""

    code = "key_set_sequence"
    title = "A newer key set has been seen before"


class KeySetExpired(KeySetRefused):
    """The key set has expired, or is not valid yet."""

    code = "key_set_expired"
    title = "The key set has expired"


class TokenRefused(Unauthenticated):
    """A token that is not accepted; each subclass is one reason."""

    code = "token_refused"
    title = "The token is not accepted"


class TokenMalformed(TokenRefused):
    """Not a compact ES256 token with exactly alg, typ and kid in its header and an object as claims."""

    code = "token_malformed"
    title = "The token cannot be read"


class TokenWrongType(TokenRefused):
    """The token is of another type (``typ``)."""

    code = "token_wrong_type"
    title = "The token is of another type"


class TokenUnknownKey(TokenRefused):
    """No usable key of that id."""

    code = "token_unknown_key"
    title = "The token's key is not known"


class TokenBadSignature(TokenRefused):
    """The key did not sign this token."""

    code = "token_bad_signature"
    title = "The token's signature is not valid"


class TokenMissingClaim(TokenRefused):
    """A required claim is not there."""

    code = "token_missing_claim"
    title = "The token lacks a claim"


class TokenWrongIssuer(TokenRefused):
    """Another issuer made the token."""

    code = "token_wrong_issuer"
    title = "The token was issued by someone else"


class TokenWrongAudience(TokenRefused):
    """The token is meant for someone else."""

    code = "token_wrong_audience"
    title = "The token is meant for someone else"


class TokenNotYetValid(TokenRefused):
    """The token was issued, or becomes valid, in the future."""

    code = "token_not_yet_valid"
    title = "The token is not valid yet"


class TokenExpired(TokenRefused):
    """The token has expired."""

    code = "token_expired"
    title = "The token has expired"


class IdTokenRefused(Unauthenticated):
    """What an identity provider says about a person is not believed; ``code`` begins with ``id_token_``."""

    code = "id_token_refused"
    title = "The identity provider's word is not accepted"


class IdTokenKeyUnknown(IdTokenRefused):
    """No published key of the identity provider fits; it may have changed its keys a moment ago."""

    code = "id_token_key_unknown"
    title = "The identity provider's word is signed by a key it has not published"


class EnvelopeRefused(ExchangeError):
    """A stored secret cannot be opened here."""

    code = "envelope_refused"
    title = "A stored secret cannot be opened"


class EnvelopeMalformed(EnvelopeRefused):
    """The text is no envelope."""

    code = "envelope_malformed"
    title = "A stored secret is damaged"


class EnvelopeMasterUnknown(EnvelopeRefused):
    """The master key that the envelope names is not configured."""

    code = "envelope_master_unknown"
    title = "The master key of a stored secret is not configured"


class EnvelopeTampered(EnvelopeRefused):
    """Wrong master key, changed bytes, or an envelope that belongs to another place."""

    code = "envelope_tampered"
    title = "A stored secret does not belong here or was changed"
