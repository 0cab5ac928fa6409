"""Registration tokens (section 6)."""

from tests.peer.crypto import Key, PublicKey
from tests.peer.wire import Document, Problem, b64u, decode_object, encode, unb64u

TOKEN_TYPE = "service-exchange-registration+jwt"


def make_token(key: Key, claims: Document) -> str:
    """A registration token (section 6)."""
    header = {"alg": "ES256", "typ": TOKEN_TYPE, "kid": key.kid}
    signed = f"{b64u(encode(header))}.{b64u(encode(claims))}"
    return f"{signed}.{b64u(key.sign(signed.encode()))}"


def read_token(token: str) -> tuple[Document, Document]:
    """Header and claims, not trusted; Problem ``token_malformed``."""
    try:
        head, body, _ = token.split(".")
        header, claims = decode_object(unb64u(head)), decode_object(unb64u(body))
    except (ValueError, AttributeError, Problem) as error:
        raise Problem(403, "token_malformed", "not a token") from error
    texts = all(isinstance(claims.get(name), str) for name in ("iss", "aud", "sub", "jti", "provider_jkt"))
    times = all(type(claims.get(name)) is int for name in ("iat", "exp"))
    if set(header) != {"alg", "typ", "kid"} or (header["alg"], header["typ"]) != ("ES256", TOKEN_TYPE):
        raise Problem(403, "token_malformed", "header")
    if not texts or not times:
        raise Problem(403, "token_malformed", "claims")
    return header, claims


def token_verifies(token: str, key: PublicKey | None) -> bool:
    """Whether the token was signed by that key."""
    signed, _, signature = token.rpartition(".")
    return key is not None and key.verify(unb64u(signature), signed.encode())
