"""The profile ``service-exchange-1`` (section 4): signing and verifying requests and answers."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.peer.crypto import Key, PublicKey
from tests.peer.headers import Headers, SignatureInput, parse_digest, parse_inputs, parse_signatures, single
from tests.peer.wire import MAX_BODY, NONCE, PeerLied, Problem, new_nonce, sha256

TAG = "service-exchange-1"
JSON = "application/json"
PROBLEM = "application/problem+json"
REQUEST_NONCE = "exchange-request-nonce"
CONNECTION = "exchange-connection"
LIFETIME = 60
SKEW = 10
_NAMES = ("created", "expires", "nonce", "keyid", "tag")
_ANSWER_NAMES = ("created", "keyid", "tag")
ONCE = ("signature", "signature-input", "content-type", "content-digest", CONNECTION, "idempotency-key", REQUEST_NONCE)
_NO_IDEMPOTENCY = ("/exchange/v1/messages", "/exchange/v1/outcomes")


@dataclass(frozen=True)
class Request:
    """A request as it is signed: ``target`` is issuer, path and query."""

    method: str
    target: str
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """One header."""
        return single(self.headers, name)

    @property
    def path(self) -> str:
        """The path beneath the issuer."""
        return "/" + self.target.split("?")[0].split("/", 3)[3]


@dataclass(frozen=True)
class Answer:
    """An answer as it is sent."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Stamp:
    """The parameters of one signature; lies change them."""

    key: Key
    created: int
    expires: int
    nonce: str = field(default_factory=new_nonce)
    tag: str = TAG


def digest(body: bytes) -> str:
    """The value of ``content-digest``."""
    return f"sha-256=:{base64.b64encode(sha256(body)).decode()}:"


def request_components(request: Request) -> list[str]:
    """What a request must cover, in order."""
    names = ['"@method"', '"@target-uri"']
    if request.body:
        names += ['"content-type"', '"content-digest"']
    if request.method == "POST" and (request.path not in _NO_IDEMPOTENCY or request.header("idempotency-key")):
        names.append('"idempotency-key"')
    if request.header(CONNECTION) is not None:
        names.append('"exchange-connection"')
    return names


def answer_components(request: Request) -> list[str]:
    """What the answer to that request must cover, in order."""
    names = ['"@status"', '"content-type"', '"content-digest"', '"@method";req', '"@target-uri";req']
    names += [f'"{name}";req' for name in ("content-digest", CONNECTION) if request.header(name) is not None]
    return [*names, f'"{REQUEST_NONCE}"']


def sign_request(request: Request, stamp: Stamp) -> Request:
    """The request with digest and signature; the other headers are there already."""
    headers = list(request.headers)
    if request.body:
        headers += [("content-type", JSON), ("content-digest", digest(request.body))]
    signed = replace(request, headers=headers)
    return replace(signed, headers=headers + _signature(request_components(signed), stamp, signed, None))


def sign_answer(answer: Answer, request: Request, request_nonce: str, stamp: Stamp) -> Answer:
    """The answer with digest, echoed nonce and signature."""
    headers = [*answer.headers, ("content-digest", digest(answer.body)), (REQUEST_NONCE, request_nonce)]
    signed = replace(answer, headers=headers)
    return replace(signed, headers=headers + _signature(answer_components(request), stamp, request, signed))


def read_nonce(request: Request) -> str | None:
    """The nonce the answer must echo, if it can be read at all."""
    nonce: str | int | None
    try:
        text = request.header("signature-input")
        for name in ("content-digest", CONNECTION):
            request.header(name)
        if text is None:
            nonce = request.header(REQUEST_NONCE)
        else:
            nonce = next((item.get("nonce") for item in parse_inputs(text) if item.get("tag") == TAG), None)
    except ValueError:
        return None
    return nonce if isinstance(nonce, str) and NONCE.match(nonce) else None


def verify_request(
    request: Request, *, now: int, find_key: Callable[[str], PublicKey | None], seen: Callable[[str, str, int], bool]
) -> SignatureInput:
    """Walk the ladder; Problem with the code of the first rung that fails.

    ``seen`` gets keyid, nonce and the second until which to remember, and says whether they were there before.
    """
    if len(request.body) > MAX_BODY:
        raise Problem(413, "too_large")
    member, signature = _read_form(request.headers)
    _check_presence(request)
    _check_parameters(member)
    _check_age(member, now)
    if list(member.components) != request_components(request):
        raise Problem(401, "signature_coverage")
    if '"idempotency-key"' in member.components and request.header("idempotency-key") is None:
        raise Problem(401, "signature_coverage")
    keyid = str(member.get("keyid"))
    key = find_key(keyid)
    if key is None:
        raise Problem(401, "key_unknown")
    if request.body and parse_digest(request.header("content-digest") or "") != sha256(request.body):
        raise Problem(401, "digest_mismatch")
    if not key.verify(signature, base(member.components, member.raw, request, None)):
        raise Problem(401, "signature_invalid")
    if seen(keyid, str(member.get("nonce")), int(member.get("expires") or 0) + 70):
        raise Problem(401, "nonce_seen")
    return member


def verify_answer(
    answer: Answer, request: Request, request_nonce: str, find_key: Callable[[str], PublicKey | None]
) -> SignatureInput:
    """Believe an answer or raise PeerLied; ``why`` is the code of the rung, or ``nonce_not_echoed``."""
    try:
        member, signature = _read_form(answer.headers)
        _check_answer_parameters(member)
    except Problem as problem:
        raise PeerLied(problem.code) from problem
    if single(answer.headers, REQUEST_NONCE) != request_nonce:
        raise PeerLied("nonce_not_echoed")
    if list(member.components) != answer_components(request):
        raise PeerLied("signature_coverage")
    key = find_key(str(member.get("keyid")))
    if key is None:
        raise PeerLied("key_unknown")
    if parse_digest(single(answer.headers, "content-digest") or "") != sha256(answer.body):
        raise PeerLied("digest_mismatch")
    if not key.verify(signature, base(member.components, member.raw, request, answer)):
        raise PeerLied("signature_invalid")
    return member


def base(components: tuple[str, ...] | list[str], parameters: str, request: Request, answer: Answer | None) -> bytes:
    """The signature base (RFC 9421 section 2.5)."""
    lines = [f"{name}: {_value(name, request, answer)}" for name in components]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def _signature(components: list[str], stamp: Stamp, request: Request, answer: Answer | None) -> Headers:
    once = "" if answer else f';expires={stamp.expires};nonce="{stamp.nonce}"'
    parameters = f'({" ".join(components)});created={stamp.created}{once};keyid="{stamp.key.kid}";tag="{stamp.tag}"'
    value = base64.b64encode(stamp.key.sign(base(components, parameters, request, answer))).decode()
    return [("signature-input", f"sx={parameters}"), ("signature", f"sx=:{value}:")]


def _value(name: str, request: Request, answer: Answer | None) -> str:
    bare = name.removesuffix(";req").strip('"')
    if bare == "@status":
        return str(answer.status if answer else "")
    if bare == "@method":
        return request.method
    if bare == "@target-uri":
        return request.target
    of_request = answer is None or name.endswith(";req")
    return single(request.headers if of_request or answer is None else answer.headers, bare) or ""


def _read_form(headers: Headers) -> tuple[SignatureInput, bytes]:
    try:
        found = {name: single(headers, name) for name in ONCE}
        if found["signature"] is None or found["signature-input"] is None:
            raise Problem(401, "signature_missing")
        members, signatures = parse_inputs(found["signature-input"]), parse_signatures(found["signature"])
        if found["content-digest"] is not None:
            parse_digest(found["content-digest"])
    except ValueError as error:
        raise Problem(401, "signature_malformed", str(error)) from error
    tagged = [member for member in members if member.get("tag") == TAG]
    if len(tagged) != 1:
        raise Problem(401, "signature_tag")
    if [member.label for member in members] != ["sx"] or [len(one) for one in signatures.values()] != [64]:
        raise Problem(401, "signature_malformed")
    return tagged[0], signatures["sx"]


def _check_presence(request: Request) -> None:
    there = [request.header(name) is not None for name in ("content-type", "content-digest")]
    if there != [bool(request.body)] * 2 or (request.body and request.header("content-type") != JSON):
        raise Problem(401, "signature_malformed", "type and digest of the body")
    if request.header(REQUEST_NONCE) is not None:
        raise Problem(401, "signature_malformed", REQUEST_NONCE)


def _check_age(member: SignatureInput, now: int) -> None:
    created, expires = int(member.get("created") or 0), int(member.get("expires") or 0)
    if created > now + SKEW:
        raise Problem(401, "signature_from_future", server_time=now)
    if expires < now:
        raise Problem(401, "signature_too_old", server_time=now)


def _check_parameters(member: SignatureInput) -> None:
    names = tuple(name for name, _ in member.parameters)
    created, expires, nonce = (member.get(name) for name in ("created", "expires", "nonce"))
    if names != _NAMES or type(created) is not int or type(expires) is not int or type(member.get("keyid")) is not str:
        raise Problem(401, "signature_parameters")
    if not created < expires <= created + LIFETIME or not NONCE.match(str(nonce)):
        raise Problem(401, "signature_parameters")


def _check_answer_parameters(member: SignatureInput) -> None:
    names = tuple(name for name, _ in member.parameters)
    if names != _ANSWER_NAMES or type(member.get("created")) is not int or type(member.get("keyid")) is not str:
        raise Problem(401, "signature_parameters")
