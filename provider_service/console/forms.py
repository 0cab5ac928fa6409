"""What people typed: read once, held against a schema, and given back with what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel

from provider_service.console.deps import told
from shared.transport.problems import validated
from shared.wire.errors import ExchangeError

Model = TypeVar("Model", bound=BaseModel)

Sentences = Mapping[str, str]
"""Name of a field to what is said when it does not have the right form."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one form and the faults found in them."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    """Name of a field to a sentence; the empty name stands for the whole form."""

    @classmethod
    def of(cls, **values: object) -> "Form":
        """Return a form filled in beforehand."""
        return cls({name: [str(value)] for name, value in values.items() if value is not None})

    def value(self, name: str, otherwise: str = "") -> str:
        """Return a field's text; of several with one name the last counts."""
        given = self.values.get(name, ())
        return given[-1] if given else otherwise

    def all(self, name: str) -> Sequence[str]:
        """Return every value of a name, for instance of checkboxes."""
        return self.values.get(name, ())

    def has(self, name: str) -> bool:
        """Tell whether a checkbox is ticked."""
        return bool(self.values.get(name))

    def error(self, name: str) -> str:
        """Return what is wrong with a field, or nothing."""
        return self.errors.get(name, "")

    def wrong(self, error: ExchangeError, sentences: Sentences | None = None) -> "Form":
        """Return the form with the faults an error names."""
        return replace(self, errors=faults(error, sentences or {}))

    def wrong_at(self, name: str, sentence: str) -> "Form":
        """Return the form with one fault."""
        return replace(self, errors={name: sentence})


async def read(request: Request) -> Form:
    """Return the text fields of the request's form."""
    given: dict[str, list[str]] = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str):
            given.setdefault(name, []).append(value)
    return Form(given)


def checked(model: type[Model], form: Form, *names: str, **others: Any) -> Model:
    """Return the named fields, trimmed, and ``others`` as ``model``; raise `Invalid` naming each fault."""
    return validated(model, {name: form.value(name).strip() for name in names} | others)


def faults(error: ExchangeError, sentences: Sentences) -> dict[str, str]:
    """Return field to sentence: our own where a form was not met, the use case's where it refused.

    Attributes are members of one object in a body, and fields of their own in a form.
    """
    found: dict[str, str] = {}
    for fault in error.errors:
        name = fault.pointer.removeprefix("/attributes").strip("/").partition("/")[0]
        found[name] = sentences.get(name, fault.detail) if error.code == "invalid" else told(error)
    return found or {"": told(error)}
