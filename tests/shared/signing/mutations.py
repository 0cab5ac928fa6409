"""Mutation operators by name over every component, parameter and header of signed messages.

Each mutation carries the code of the rung that must refuse it. `request_mutations` and `response_mutations` take a
valid signed message of the profile; whoever can send one (a verifier, a route of a running service) can be put to the
test with what they yield. A message over the wire loses outer whitespace of header values on the way in; mutations
whose name ends in ``whitespace around value`` are therefore for verifiers only.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

RELEVANT = (
    "content-type",
    "content-digest",
    "idempotency-key",
    "exchange-connection",
    "exchange-request-nonce",
    "signature-input",
    "signature",
)
MALFORMED = "signature_malformed"
PARAMETERS = "signature_parameters"
COVERAGE = "signature_coverage"
INVALID = "signature_invalid"
TAG = "signature_tag"
DIGEST = "digest_mismatch"

_INPUT = re.compile(r"sx=\((?P<components>[^)]*)\)(?P<parameters>.*)")


@dataclass(frozen=True)
class SignedMessage:
    """A request (``status`` is None) or the response to it."""

    method: str
    target_uri: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int | None = None

    def header(self, name: str) -> str:
        return dict(self.headers)[name]

    def has(self, name: str) -> bool:
        return name in dict(self.headers)

    def with_header(self, name: str, value: str) -> "SignedMessage":
        return replace(self, headers=tuple((key, value if key == name else old) for key, old in self.headers))

    def with_extra(self, name: str, value: str) -> "SignedMessage":
        return replace(self, headers=(*self.headers, (name, value)))

    def without(self, name: str) -> "SignedMessage":
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0] != name))

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self.headers]


@dataclass(frozen=True)
class Mutation:
    """One changed message, the operator's name and the code it must be refused with."""

    name: str
    message: SignedMessage
    code: str


def request_mutations(message: SignedMessage) -> Iterator[Mutation]:
    """Every operator over a signed request."""
    yield from _common(message)
    yield from _request_line(message)
    yield from _ages(message)


def response_mutations(message: SignedMessage) -> Iterator[Mutation]:
    """Every operator over a signed response; the request it answers stays as it is."""
    yield from _common(message)
    assert message.status is not None
    yield Mutation("alter status", replace(message, status=message.status + 1), INVALID)
    yield Mutation("informational status", replace(message, status=103), MALFORMED)
    for name in ("exchange-connection", "idempotency-key"):
        yield Mutation(f"insert {name}", message.with_extra(name, "inserted"), MALFORMED)
    for seconds in (-1, 1, 3600):
        name = f"shift created by {seconds}"
        yield Mutation(name, _shifted(message, {"created": seconds}), INVALID)


def _common(message: SignedMessage) -> Iterator[Mutation]:
    yield from _headers(message)
    yield from _header_values(message)
    yield from _components(message)
    yield from _parameters(message)
    yield from _labels(message)
    yield from _bodies(message)


def _headers(message: SignedMessage) -> Iterator[Mutation]:
    removed = {"signature": "signature_missing", "signature-input": "signature_missing"}
    removed |= {
        "idempotency-key": COVERAGE,
        "exchange-connection": COVERAGE,
        "exchange-request-nonce": "response_nonce",
    }
    for name in filter(message.has, RELEVANT):
        value = message.header(name)
        yield Mutation(f"remove header {name}", message.without(name), removed.get(name, MALFORMED))
        yield Mutation(f"duplicate header {name}", message.with_extra(name, value), MALFORMED)
        yield Mutation(f"duplicate header {name} in another case", message.with_extra(name.upper(), value), MALFORMED)
        yield Mutation(f"empty header {name}", message.with_header(name, ""), MALFORMED)
        for spaced in (f" {value}", f"{value} ", f"\t{value}"):
            yield Mutation(f"header {name}: whitespace around value", message.with_header(name, spaced), MALFORMED)
        overlong = message.with_header(name, value + "A" * 4096)
        yield Mutation(f"overlong header {name}", overlong, MALFORMED)
        yield Mutation(f"non-ASCII header {name}", message.with_header(name, f"{value}\u00e9"), MALFORMED)
    for name, value in (("content-encoding", "gzip"), ("trailer", "content-digest"), ("transfer-encoding", "gzip")):
        yield Mutation(f"insert header {name}", message.with_extra(name, value), MALFORMED)


def _header_values(message: SignedMessage) -> Iterator[Mutation]:
    altered = {
        "content-type": ("application/jsom", MALFORMED),
        "content-digest": (_digest(b"other"), DIGEST),
        "idempotency-key": ("other", INVALID),
        "exchange-connection": ("other", INVALID),
        "exchange-request-nonce": ("B" * 21 + "A", "response_nonce"),
    }
    for name, (value, code) in altered.items():
        if message.has(name):
            yield Mutation(f"alter header {name}", message.with_header(name, value), code)
    for name in ("content-type", "idempotency-key", "exchange-connection"):
        if message.has(name):
            value = message.header(name)
            code = MALFORMED if name == "content-type" else INVALID
            yield Mutation(f"truncate header {name}", message.with_header(name, value[:-1]), code)
            yield Mutation(f"case-change header {name}", message.with_header(name, value.swapcase()), code)
    for name in filter(message.has, ("content-digest", "exchange-request-nonce")):
        yield Mutation(f"truncate header {name}", message.with_header(name, message.header(name)[:-1]), MALFORMED)
    if message.has("content-digest"):
        yield from _digest_forms(message)
    yield from _signature_values(message)


def _digest_forms(message: SignedMessage) -> Iterator[Mutation]:
    stated = message.header("content-digest")
    other = f"sha-512=:{base64.b64encode(hashlib.sha512(message.body).digest()).decode()}:"
    forms = {
        "second algorithm": f"{stated}, {other}",
        "other algorithm": other,
        "twice the member": f"{stated}, {stated}",
        "case-change": stated.replace("sha-256", "SHA-256"),
        "parameter": f"{stated};x=1",
        "without padding": stated.replace("=:", ":").replace("sha-256:", "sha-256=:"),
        "hexadecimal": f"sha-256=:{hashlib.sha256(message.body).hexdigest()}:",
    }
    for name, value in forms.items():
        yield Mutation(f"content-digest: {name}", message.with_header("content-digest", value), MALFORMED)


def _signature_values(message: SignedMessage) -> Iterator[Mutation]:
    value = message.header("signature")
    raw = base64.b64decode(value.removeprefix("sx=:").removesuffix(":"))
    for position in (0, 31, 32, 63):
        flipped = bytes([*raw[:position], raw[position] ^ 1, *raw[position + 1 :]])
        yield Mutation(f"alter signature byte {position}", message.with_header("signature", _member(flipped)), INVALID)
    yield Mutation("zero signature", message.with_header("signature", _member(bytes(64))), INVALID)
    halves = message.with_header("signature", _member(raw[32:] + raw[:32]))
    yield Mutation("swap signature halves", halves, INVALID)
    forms = {
        "truncated": _member(raw[:-1]),
        "extended": _member(raw + b"\0"),
        "empty": _member(b""),
        "without padding": value.replace("==:", ":"),
        "as a string": f'sx="{base64.b64encode(raw).decode()}"',
        "as a token": "sx=token",
        "with a parameter": f"{value};x=1",
        "in base64url": f"sx=:{'_' * 85}w==:",
        "twice the member": f"{value}, {value}",
        "cut off": value[: len(value) // 2],
    }
    for name, form in forms.items():
        yield Mutation(f"signature {name}", message.with_header("signature", form), MALFORMED)


def _components(message: SignedMessage) -> Iterator[Mutation]:
    components, parameters = _parts(message)
    for index, component in enumerate(components):
        rest = components[:index] + components[index + 1 :]
        bare = component.split(";")[0]
        forms = {
            "remove": rest,
            "duplicate": [*components[: index + 1], *components[index:]],
            "case-change": [*components[:index], component.upper(), *components[index + 1 :]],
            "reorder": [*rest, component] if index + 1 < len(components) else [component, *rest],
            "parameter": [*components[:index], f"{bare};bs", *components[index + 1 :]],
            "swap for another": [*components[:index], '"date"', *components[index + 1 :]],
            "whitespace": [*components[:index], f" {component}", *components[index + 1 :]],
            "truncate": [*components[:index], f'{bare[:-2]}"', *components[index + 1 :]],
            "req turned": [*components[:index], _turned(component), *components[index + 1 :]],
        }
        for operator, changed in forms.items():
            yield Mutation(f"{operator} component {component}", _rebuilt(message, changed, parameters), COVERAGE)
    for extra in ('"date"', '"@authority"', '"content-length"', '"exchange-request-nonce";req', '"signature";req'):
        yield Mutation(f"extra component {extra}", _rebuilt(message, [*components, extra], parameters), COVERAGE)
    yield Mutation("no components", _rebuilt(message, [], parameters), COVERAGE)
    for broken in ('"@method', "@method", "1", '"a"b'):
        changed = _rebuilt(message, [*components, broken], parameters)
        yield Mutation(f"broken component {broken}", changed, COVERAGE)


def _parameters(message: SignedMessage) -> Iterator[Mutation]:
    components, parameters = _parts(message)
    for index, parameter in enumerate(parameters):
        name, value = parameter.split("=", 1)
        before, after = parameters[:index], parameters[index + 1 :]
        missing = TAG if name == "tag" else PARAMETERS
        forms = {
            "remove": ([*before, *after], missing),
            "rename": ([*before, f"x{name}={value}", *after], missing),
            "without value": ([*before, name, *after], missing),
            "as token": ([*before, f"{name}=token", *after], missing),
            "duplicate": ([*before, parameter, parameter, *after], MALFORMED),
            "case-change": ([*before, f"{name.upper()}={value}", *after], MALFORMED),
            "whitespace": ([*before, f" {parameter}", *after], MALFORMED),
            "trailing whitespace": ([*before, f"{parameter} ", *after], MALFORMED),
            "reorder": ([*before[:-1], parameter, *before[-1:], *after], PARAMETERS),
        }
        for operator, (changed, code) in forms.items():
            if changed != parameters:
                yield Mutation(f"{operator} parameter {name}", _rebuilt(message, components, changed), code)
        yield from _parameter_values(message, index)
    for extra in ('alg="ed25519"', 'alg="hmac-sha256"', "x=1", 'nonce2="a"', "x"):
        changed = _rebuilt(message, components, [*parameters, extra])
        yield Mutation(f"extra parameter {extra}", changed, PARAMETERS)


def _parameter_values(message: SignedMessage, index: int) -> Iterator[Mutation]:
    components, parameters = _parts(message)
    name, value = parameters[index].split("=", 1)
    if name in {"created", "expires"}:
        cases = {f'"{value}"': PARAMETERS, f"{value}.0": PARAMETERS, f"-{value}": PARAMETERS, "0": PARAMETERS}
        cases |= {f"@{value}": PARAMETERS, f"0{value}": MALFORMED, f"+{value}": MALFORMED, f"{value}0": None}
    elif name == "tag":
        cases = {'"other"': TAG, '"Service-Exchange-1"': TAG, '""': TAG, '"service-exchange-1 "': TAG}
    else:
        last = "A" if value[-2] != "A" else "Q"
        other = f'{value[:-2]}{"E" if name == "keyid" and last == "Q" else last}"'
        code, form = ("key_unknown", PARAMETERS) if name == "keyid" else (INVALID, INVALID)
        cases = {other: code, '""': PARAMETERS, f'"{value[1:22]}"': PARAMETERS, f'"{"A" * 65}"': PARAMETERS}
        cases |= {value[:-1] + 'A"': form, value[:-2] + '="': PARAMETERS, value[:-2] + 'B"': form}
    for changed, code in cases.items():
        if code is not None:
            swapped = [*parameters[:index], f"{name}={changed}", *parameters[index + 1 :]]
            yield Mutation(f"{name}={changed}", _rebuilt(message, components, swapped), code)


def _labels(message: SignedMessage) -> Iterator[Mutation]:
    stated, signature = message.header("signature-input"), message.header("signature")
    both = {
        "rename label": (stated.replace("sx=", "sy=", 1), signature.replace("sx=", "sy=", 1), MALFORMED),
        "rename label in signature": (stated, signature.replace("sx=", "sy=", 1), MALFORMED),
        "second signature with the tag": (f"{stated}, sy={stated[3:]}", f"{signature}, sy={signature[3:]}", TAG),
        "second signature of a proxy": (f"{stated}, p=();created=1", f"{signature}, p=:AAAA:", MALFORMED),
        "second input": (f"{stated}, p=();created=1", signature, MALFORMED),
        "twice the label": (f"{stated}, {stated}", signature, MALFORMED),
        "not an inner list": ("sx=1", signature, TAG),
        "truncate signature-input": (stated[:-1], signature, MALFORMED),
        "trailing comma": (f"{stated},", signature, MALFORMED),
        "cut off after components": (stated.split(";created")[0], signature, TAG),
    }
    for name, (changed, sealed, code) in both.items():
        yield Mutation(name, message.with_header("signature-input", changed).with_header("signature", sealed), code)


def _bodies(message: SignedMessage) -> Iterator[Mutation]:
    if not message.body:
        return
    for name, body in {
        "alter body": message.body[:-1] + bytes([message.body[-1] ^ 1]),
        "truncate body": message.body[:-1],
        "append to body": message.body + b" ",
        "prepend to body": b" " + message.body,
    }.items():
        yield Mutation(name, replace(message, body=body), DIGEST)
        together = replace(message, body=body).with_header("content-digest", _digest(body))
        yield Mutation(f"{name} and its digest", together, INVALID)
    yield Mutation("empty body", replace(message, body=b""), MALFORMED)
    yield Mutation("swap body for a huge one", replace(message, body=bytes(1_048_577)), "too_large")


def _request_line(message: SignedMessage) -> Iterator[Mutation]:
    unsafe = message.method != "GET"
    other = "POST" if message.method in {"GET", "PUT"} else "PUT"
    yield Mutation("swap method", replace(message, method=other), INVALID if unsafe else MALFORMED)
    for method in (message.method.lower(), f"{message.method} ", "HEAD", "OPTIONS", "CONNECT", "", "GETX"):
        yield Mutation(f"method {method!r}", replace(message, method=method), MALFORMED)
    yield Mutation("safe for unsafe", replace(message, method="GET" if unsafe else "DELETE"), MALFORMED)
    yield from _targets(message)
    yield Mutation("insert echo", message.with_extra("exchange-request-nonce", "A" * 22), MALFORMED)
    if not message.has("exchange-connection"):
        yield Mutation("insert connection", message.with_extra("exchange-connection", "inserted"), COVERAGE)
    if not message.has("idempotency-key"):
        code = COVERAGE if unsafe else MALFORMED
        yield Mutation("insert idempotency key", message.with_extra("idempotency-key", "inserted"), code)
    if not unsafe:
        yield Mutation("insert body", replace(message, body=b"{}"), MALFORMED)
        yield Mutation("insert content type", message.with_extra("content-type", "application/json"), MALFORMED)
        yield Mutation("insert digest", message.with_extra("content-digest", _digest(b"")), MALFORMED)


def _targets(message: SignedMessage) -> Iterator[Mutation]:
    target = message.target_uri
    host = target.split("/")[2]
    for name, changed in {
        "swap host": target.replace(host, "other.example"),
        "swap scheme": target.replace("https://", "http://"),
        "add port": target.replace(host, f"{host}:443"),
        "append to path": f"{target}x",
        "append slash": f"{target}/",
        "append query": f"{target}{'&' if '?' in target else '?'}a=1",
        "case-change path": target[:-1] + target[-1].swapcase(),
    }.items():
        code = MALFORMED if name == "append slash" and "?" in target else INVALID
        yield Mutation(f"target: {name}", replace(message, target_uri=changed), code)
    path = target.split(host)[1]
    for changed in (
        f"/{path}",
        f"/.{path}",
        f"/..{path}",
        "/%65cho",
        "/a b",
        "/\u00e9",
        "/a;b",
        "/a#b",
        "/a@b",
        "",
        "/",
    ):
        name = f"target path {changed!r}"
        yield Mutation(name, replace(message, target_uri=f"https://{host}{changed}"), MALFORMED)
    for changed in (host.upper(), f"user@{host}", f"{host}.", "", "a..b"):
        yield Mutation(f"target host {changed!r}", replace(message, target_uri=f"https://{changed}{path}"), MALFORMED)


def _ages(message: SignedMessage) -> Iterator[Mutation]:
    for name, shift, code in (
        ("shift into the past", {"created": -120, "expires": -120}, "signature_too_old"),
        ("shift into the future", {"created": 120, "expires": 120}, "signature_from_future"),
        ("older than it was", {"created": -1, "expires": -1}, INVALID),
        ("younger than it was", {"created": 1, "expires": 1}, INVALID),
        ("longer life", {"expires": 1}, PARAMETERS),
        ("much longer life", {"expires": 86400}, PARAMETERS),
        ("shorter life", {"expires": -1}, INVALID),
        ("no life", {"expires": -60}, PARAMETERS),
        ("negative life", {"expires": -120}, PARAMETERS),
    ):
        yield Mutation(name, _shifted(message, shift), code)


def _shifted(message: SignedMessage, shift: dict[str, int]) -> SignedMessage:
    components, parameters = _parts(message)
    pairs = [parameter.split("=", 1) for parameter in parameters]
    moved = [f"{name}={int(value) + shift[name]}" if name in shift else f"{name}={value}" for name, value in pairs]
    return _rebuilt(message, components, moved)


def _parts(message: SignedMessage) -> tuple[list[str], list[str]]:
    found = _INPUT.fullmatch(message.header("signature-input"))
    assert found is not None
    return found["components"].split(" "), found["parameters"].removeprefix(";").split(";")


def _rebuilt(message: SignedMessage, components: list[str], parameters: list[str]) -> SignedMessage:
    text = f"sx=({' '.join(components)})" + "".join(f";{parameter}" for parameter in parameters)
    return message.with_header("signature-input", text)


def _turned(component: str) -> str:
    return component.removesuffix(";req") if component.endswith(";req") else f"{component};req"


def _member(raw: bytes) -> str:
    return f"sx=:{base64.b64encode(raw).decode()}:"


def _digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
