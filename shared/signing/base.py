"""RFC 9421 in general: signature bases and signatures of any layout.

The edge accepts the profile alone and builds its lines by hand; both end in `signature_base`. The rest of this module
is what the standard's own vectors run against, so that the one layout is proven to be an instance of the standard.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import parse_qsl, quote, urlsplit

import http_sf

from shared.signing.errors import HeaderMalformed, NotCovered, SignatureMissing
from shared.signing.keys import PublicKey

Headers = Sequence[tuple[str, str]]
"""Field lines in the order received."""

_FIELD_PARAMETERS: Final = frozenset({"sf", "key", "bs", "tr", "req"})
_OBSOLETE_FOLD: Final = re.compile(r"[ \t]*\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Component:
    """A component identifier (RFC 9421 section 2): a name with parameters in the order they were written."""

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def identifier(self) -> str:
        """The identifier as it stands in the base: a quoted name and its parameters."""
        return http_sf.ser((self.name, dict(self.parameters)))


@dataclass(frozen=True, slots=True)
class Message:
    """A request (``method`` is set) or response (``status`` is set) as the standard sees it."""

    headers: Headers = ()
    method: str | None = None
    target_uri: str = ""
    request_target: str = ""
    """As in the request line (RFC 9421 section 2.2.5)."""
    status: int | None = None
    trailers: Headers = ()
    request: "Message | None" = None
    """The request that a response answers, for components with ``req``."""


@dataclass(frozen=True, slots=True)
class ReadSignature:
    """One labelled signature of a message."""

    components: tuple[Component, ...]
    parameters: Mapping[str, Any]
    """``created``, ``keyid`` and their like."""
    parameters_line: str
    """The value of ``@signature-params``: components and parameters, serialised."""
    signature: bytes

    def base(self, message: Message) -> bytes:
        """The base of this signature over ``message``; raises `NotCovered` where a component cannot be had."""
        if len({(item.name, frozenset(item.parameters)) for item in self.components}) != len(self.components):
            raise NotCovered("A component is covered twice")
        lines = [(component.identifier, component_value(component, message)) for component in self.components]
        return signature_base(lines, self.parameters_line)


def signature_base(lines: Sequence[tuple[str, str]], parameters_line: str) -> bytes:
    """The bytes that are signed (RFC 9421 section 2.5): one line a component, and the parameters.

    ``lines`` holds serialised identifiers, such as ``"@method";req``, and values; all of them ASCII without newlines.
    """
    text = "".join(f"{identifier}: {value}\n" for identifier, value in lines)
    return f'{text}"@signature-params": {parameters_line}'.encode("ascii")


def read_signature(headers: Headers, label: str) -> ReadSignature:
    """Read the signature under ``label``; raise `HeaderMalformed` or `SignatureMissing` (RFC 9421 section 4)."""
    inputs = parse_dictionary(field_value(headers, "signature-input"))
    signatures = parse_dictionary(field_value(headers, "signature"))
    if label not in inputs or label not in signatures:
        raise SignatureMissing(f"There is no signature labelled {label}")
    items, parameters = inputs[label]
    signature = signatures[label][0]
    if not isinstance(items, list) or not isinstance(signature, bytes):
        raise HeaderMalformed("Signature-Input holds inner lists, Signature holds byte sequences")
    if not all(isinstance(name, str) for name, _ in items):
        raise HeaderMalformed("Components are named by strings")
    components = tuple(Component(name, tuple(given.items())) for name, given in items)
    line = http_sf.ser([(items, parameters)])
    return ReadSignature(components, parameters, line, signature)


def verify(message: Message, label: str, key: PublicKey) -> ReadSignature:
    """Check one labelled signature with ``key``; its parameters and coverage are for the caller to judge.

    Raises `SignatureInvalid`, or what `read_signature` and `ReadSignature.base` raise.
    """
    found = read_signature(message.headers, label)
    key.verify(found.signature, found.base(message))
    return found


def parse_dictionary(value: str) -> dict[str, Any]:
    """A structured dictionary in which no key or parameter stands twice (RFC 9651); raises `HeaderMalformed`."""
    try:
        parsed = http_sf.parse(value.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_duplicate)
    except (http_sf.StructuredFieldError, UnicodeEncodeError) as error:
        raise HeaderMalformed("The header is not a structured dictionary") from error
    return cast("dict[str, Any]", parsed)


def component_value(component: Component, message: Message) -> str:
    """The value of one component of ``message`` (RFC 9421 sections 2.1 to 2.4); raises `NotCovered`."""
    parameters = dict(component.parameters)
    if parameters.pop("req", False):
        if message.request is None:
            raise NotCovered("req stands in a response to a known request only")
        message = message.request
    if component.name.startswith("@"):
        return _derived_value(component.name, parameters, message)
    return _field_component(component.name, parameters, message)


def field_value(headers: Headers, name: str) -> str:
    """All lines of one field, trimmed, unfolded and joined (RFC 9421 section 2.1); raises `NotCovered` if none."""
    return ", ".join(_field_lines(headers, name))


def _refuse_duplicate(key: str, context: str) -> None:
    raise HeaderMalformed(f"The {context} names {key} twice")


def _field_lines(headers: Headers, name: str) -> list[str]:
    lines = [_OBSOLETE_FOLD.sub(" ", value).strip(" \t") for field, value in headers if field.lower() == name]
    if not lines:
        raise NotCovered(f"There is no field {name}")
    return lines


def _field_component(name: str, parameters: dict[str, Any], message: Message) -> str:
    if not _FIELD_PARAMETERS.issuperset(parameters) or ("bs" in parameters and {"sf", "key"} & parameters.keys()):
        raise NotCovered(f"The parameters of {name} are unknown or exclude each other")
    lines = _field_lines(message.trailers if "tr" in parameters else message.headers, name)
    if "bs" in parameters:
        return ", ".join(f":{base64.b64encode(line.encode('latin-1')).decode('ascii')}:" for line in lines)
    if "key" in parameters:
        return _dictionary_member(", ".join(lines), parameters["key"])
    if "sf" in parameters:
        return http_sf.ser(parse_dictionary(", ".join(lines)))
    return ", ".join(lines)


def _dictionary_member(value: str, key: str) -> str:
    try:
        member = parse_dictionary(value)[key]
    except (KeyError, HeaderMalformed) as error:
        raise NotCovered(f"There is no member {key}") from error
    return http_sf.ser([member])


def _derived_value(name: str, parameters: dict[str, Any], message: Message) -> str:
    if name == "@query-param":
        return _query_parameter(parameters, message)
    derive = _DERIVED.get(name)
    if derive is None or parameters:
        raise NotCovered(f"There is no derived component {name} with these parameters")
    if (name == "@status") is (message.status is None):
        raise NotCovered(f"{name} does not belong to this kind of message")
    return derive(message)


def _query_parameter(parameters: dict[str, Any], message: Message) -> str:
    pairs = parse_qsl(urlsplit(message.target_uri).query, keep_blank_values=True)
    values = [value for name, value in pairs if quote(name, safe="*-._") == parameters.get("name")]
    if len(values) != 1 or parameters.keys() != {"name"}:
        raise NotCovered("@query-param names a parameter that stands exactly once")
    return quote(values[0], safe="*-._")


def _authority(message: Message) -> str:
    parts = urlsplit(message.target_uri)
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return parts.netloc.lower().removesuffix(default)


_DERIVED: Final[dict[str, Callable[[Message], str]]] = {
    "@method": lambda message: message.method or "",
    "@target-uri": lambda message: message.target_uri,
    "@authority": _authority,
    "@scheme": lambda message: urlsplit(message.target_uri).scheme,
    "@request-target": lambda message: message.request_target,
    "@path": lambda message: urlsplit(message.target_uri).path or "/",
    "@query": lambda message: "?" + urlsplit(message.target_uri).query,
    "@status": lambda message: str(message.status),
}
