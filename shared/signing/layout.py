"""The one layout of ``Signature-Input`` and ``Signature``: written here, read here, and its refusals explained here.

Rungs *header form*, *tag* and *parameters* of the ladder. A header in the one spelling matches a single expression;
only one that does not is parsed in full, to name the rung it fails.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from shared.signing.base import parse_dictionary, signature_base
from shared.signing.errors import HeaderMalformed, SignatureMissing, WrongParameters, WrongTag
from shared.signing.keys import PrivateKey
from shared.signing.profile import LABEL, NONCE, SIGNATURE, THUMBPRINT
from shared.wire.version import SIGNATURE_TAG

Lines = Sequence[tuple[str, str]]
"""Component identifiers, as they stand in the base, and values."""

_SECONDS: Final = r"[1-9][0-9]{0,11}"
_KEY_AND_TAG: Final = rf';keyid="(?P<keyid>{THUMBPRINT.pattern})";tag="{SIGNATURE_TAG}"'
_OPENING: Final = rf"{LABEL}=(?P<line>\((?P<components>[^()]*)\);created=(?P<created>{_SECONDS})"
REQUEST_INPUT: Final = re.compile(
    rf'{_OPENING};expires=(?P<expires>{_SECONDS});nonce="(?P<nonce>{NONCE.pattern})"{_KEY_AND_TAG})'
)
"""``Signature-Input`` of a request."""

RESPONSE_INPUT: Final = re.compile(rf"{_OPENING}{_KEY_AND_TAG})")
"""``Signature-Input`` of a response: fresh by the nonce it echoes, so it has neither ``expires`` nor ``nonce``."""

REQUEST_PARAMETERS: Final = ("created", "expires", "nonce", "keyid", "tag")
RESPONSE_PARAMETERS: Final = ("created", "keyid", "tag")


@dataclass(frozen=True, slots=True)
class SignatureInput:
    """What ``Signature-Input`` and ``Signature`` say, not believed yet."""

    parameters_line: str
    components: str
    """Identifiers, as serialised, with one space between."""
    created: int
    expires: int
    """Unix seconds; in responses 0."""
    nonce: str
    """In responses empty."""
    key_id: str
    signature: bytes


def sign(key: PrivateKey, lines: Lines, parameters: str) -> list[tuple[str, str]]:
    """``Signature-Input`` and ``Signature`` over ``lines`` with ``parameters`` (serialised, with leading semicolon)."""
    line = f"({' '.join(identifier for identifier, _ in lines)}){parameters}"
    signature = base64.b64encode(key.sign(signature_base(lines, line))).decode("ascii")
    return [("signature-input", f"{LABEL}={line}"), ("signature", f"{LABEL}=:{signature}:")]


def check_signed(found: Mapping[str, str]) -> None:
    """Raise `SignatureMissing` unless both headers are there."""
    if "signature-input" not in found or "signature" not in found:
        raise SignatureMissing(fix="Sign the message with the profile service-exchange-1")


def read(found: Mapping[str, str], form: re.Pattern[str], names: Sequence[str]) -> SignatureInput:
    """Read both headers, known to be there; raise `HeaderMalformed`, `WrongTag` or `WrongParameters`."""
    stated, signature = found["signature-input"], found["signature"]
    sealed, matched = SIGNATURE.fullmatch(signature), form.fullmatch(stated)
    if sealed is None or matched is None:
        _explain(stated, signature, names)
    parts = matched.groupdict()
    return SignatureInput(
        parameters_line=parts["line"],
        components=parts["components"],
        created=int(parts["created"]),
        expires=int(parts.get("expires", 0)),
        nonce=parts.get("nonce", ""),
        key_id=parts["keyid"],
        signature=base64.b64decode(sealed[1]),
    )


def _explain(stated: str, signature: str, names: Sequence[str]) -> NoReturn:
    """Name the first rung that these headers fail."""
    inputs, signatures = parse_dictionary(stated), parse_dictionary(signature)
    if list(inputs) != list(signatures):
        raise HeaderMalformed("Signature-Input and Signature do not name the same signatures")
    tagged = [label for label, member in inputs.items() if member[1].get("tag") == SIGNATURE_TAG]
    if len(tagged) != 1:
        raise WrongTag(f"{len(tagged)} signatures bear the tag {SIGNATURE_TAG}")
    if list(inputs) != [LABEL] or SIGNATURE.fullmatch(signature) is None:
        raise HeaderMalformed(f"There must be one signature of 64 bytes, labelled {LABEL}")
    _explain_parameters(inputs[LABEL][1], names)
    raise HeaderMalformed("Signature-Input is not in its one spelling")


def _explain_parameters(given: Mapping[str, Any], names: Sequence[str]) -> None:
    if list(given) != list(names):
        raise WrongParameters(f"The parameters must be exactly {', '.join(names)}, in this order")
    for name in ("created", "expires"):
        if name in given and (type(given[name]) is not int or given[name] <= 0):
            raise WrongParameters(f"{name} must be whole unix seconds")
    for name, form in (("nonce", NONCE), ("keyid", THUMBPRINT)):
        if name in given and (type(given[name]) is not str or form.fullmatch(given[name]) is None):
            raise WrongParameters(f"{name} must be base64url of its length")
