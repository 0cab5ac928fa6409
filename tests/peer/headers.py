"""Reading the two signature headers (RFC 9421 sections 4.1 and 4.2) as strictly as one layout allows."""

import base64
import re
from dataclasses import dataclass

Headers = list[tuple[str, str]]

_LABEL = re.compile(r"([a-z*][a-z0-9_.*-]*)=")
_ITEM = re.compile(r'"([^"\\]*)"((?:;[a-z][a-z0-9_-]*)*)')
_PARAMETER = re.compile(r';([a-z*][a-z0-9_.*-]*)=(?:"([^"\\]*)"|(-?[0-9]{1,15}))')
_BYTES = re.compile(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):\Z")


@dataclass(frozen=True)
class SignatureInput:
    """One member: ``raw`` is the text that goes into the base as ``@signature-params``."""

    label: str
    components: tuple[str, ...]
    parameters: tuple[tuple[str, str | int], ...]
    raw: str

    def get(self, name: str) -> str | int | None:
        """A parameter."""
        return dict(self.parameters).get(name)


def values(headers: Headers, name: str) -> list[str]:
    """All values of a header."""
    return [value for key, value in headers if key.lower() == name]


def single(headers: Headers, name: str) -> str | None:
    """The value of a header that may appear once; ValueError when it appears twice."""
    found = values(headers, name)
    if len(found) > 1:
        raise ValueError(f"{name} appears twice")
    return found[0].strip(" \t") if found else None


def parse_inputs(text: str) -> list[SignatureInput]:
    """The members of ``signature-input``; ValueError for anything this profile could not have written."""
    members: list[SignatureInput] = []
    position = 0
    while True:
        member, position = _member(text, position)
        members.append(member)
        if position == len(text):
            break
        position = _comma(text, position)
    if len({member.label for member in members}) != len(members):
        raise ValueError("a label appears twice")
    return members


def parse_signatures(text: str) -> dict[str, bytes]:
    """The members of ``signature``."""
    found: dict[str, bytes] = {}
    position = 0
    while True:
        match = _BYTES.match(text, position)
        if not match or match[1] in found:
            raise ValueError("signature is malformed")
        found[match[1]] = base64.b64decode(match[2], validate=True)
        position = match.end()
        if position == len(text):
            return found
        position = _comma(text, position)


def parse_digest(text: str) -> bytes:
    """The digest when ``content-digest`` has exactly one member, ``sha-256``."""
    match = _DIGEST.match(text)
    if not match:
        raise ValueError("content-digest is malformed")
    return base64.b64decode(match[1], validate=True)


def _member(text: str, position: int) -> tuple[SignatureInput, int]:
    label = _LABEL.match(text, position)
    if not label or text[label.end() : label.end() + 1] != "(":
        raise ValueError("signature-input is malformed")
    start, position = label.end(), label.end() + 1
    components: list[str] = []
    while text[position : position + 1] != ")":
        item = _ITEM.match(text, position)
        if not item:
            raise ValueError("a component is malformed")
        components.append(item[0])
        position = item.end()
        if text[position : position + 1] == " ":
            position += 1
    position += 1
    parameters: list[tuple[str, str | int]] = []
    while match := _PARAMETER.match(text, position):
        parameters.append((match[1], match[2] if match[3] is None else int(match[3])))
        position = match.end()
    return SignatureInput(label[1], tuple(components), tuple(parameters), text[start:position]), position


def _comma(text: str, position: int) -> int:
    match = re.compile(r"[ \t]*,[ \t]*").match(text, position)
    if not match:
        raise ValueError("members are not parted by a comma")
    return match.end()
