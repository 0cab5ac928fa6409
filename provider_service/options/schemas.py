"""Profile options as the API shows and takes them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from provider_service.audit.schemas import ActorView
from provider_service.options.domain import OptionChange, OptionRecord, OptionType
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit


class OptionWrite(BaseModel):
    """What to set an option to."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    value: Annotated[str, Field(max_length=4000)]
    """`TRUE` or `FALSE`, a choice, the name of an attribute or role, or a map, after the option's type."""


class HistoryQuery(BaseModel):
    """Which page of an option's history."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None


class OptionView(BaseModel):
    """A profile option as it counts now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    code: str
    type: OptionType
    value: str
    default: str
    is_default: bool
    """Whether the default counts because nothing is set."""
    description: str
    choices: list[str]
    """The values there are, where they can be listed."""
    changed_by: str | None
    changed_at: datetime | None
    version: int
    """The ETag is this number in quotes; 0 until the option is first set."""

    @classmethod
    def of(cls, record: OptionRecord) -> Self:
        """Return how the API shows ``record``."""
        definition = record.definition
        return cls(
            code=definition.code,
            type=definition.type,
            value=record.value,
            default=definition.default,
            is_default=record.is_default,
            description=definition.description,
            choices=list(definition.choices),
            changed_by=record.changed_by,
            changed_at=record.changed_at,
            version=record.version,
        )


class OptionList(BaseModel):
    """Every profile option."""

    items: list[OptionView]


class OptionChangeView(BaseModel):
    """Who set an option when, from what to what."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    at: datetime
    actor: ActorView
    before: str
    after: str
    reset: bool
    """Whether the default was given back."""

    @classmethod
    def of(cls, change: OptionChange) -> Self:
        """Return how the API shows ``change``."""
        return cls(
            id=change.position,
            at=change.at,
            actor=ActorView.model_validate(change.actor),
            before=change.before,
            after=change.after,
            reset=change.reset,
        )
