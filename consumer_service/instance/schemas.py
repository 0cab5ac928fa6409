"""The consumer record as the API shows it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from consumer_service.instance.domain import Instance, Standing
from shared.wire.identifiers import NAME_PATTERN
from shared.wire.states import InstanceType

ADDRESS_PATTERN = r"^([^@\s<>,;]+@[^@\s<>,;]+)?$"
LINE_PATTERN = r"^[^\x00-\x1f\x7f]*$"


class InstancePatch(BaseModel):
    """What may change after creation (JSON Merge Patch)."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=NAME_PATTERN)
    """Letters, digits and dashes; what peers call this instance."""
    instance_type: InstanceType = InstanceType.SUB_PRODUCTION
    sender_address: str = Field(default="", max_length=254, pattern=ADDRESS_PATTERN)
    """E-mail address that invitations come from; empty: the mail settings' own."""
    support_contact: str = Field(default="", max_length=200, pattern=LINE_PATTERN)
    """Whom people turn to: an e-mail address, a telephone number or a page."""
    email_enabled: bool = False
    """Send e-mail although this is no production instance."""


class InstanceCreate(InstancePatch):
    """The record, stated once. Its address is the configured one; its id is made here, for ever."""


class InstanceView(BaseModel):
    """Who this instance is."""

    model_config = ConfigDict(use_attribute_docstrings=True, from_attributes=True)

    name: str
    issuer: str
    """The address peers know this instance by."""
    instance_id: str
    instance_type: InstanceType
    epoch: int
    """Raised by every restore from a backup."""
    sender_address: str
    support_contact: str
    email_enabled: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, instance: Instance) -> "InstanceView":
        """Return the view of a record."""
        return cls.model_validate(instance)


class StandingView(BaseModel):
    """Whether this database is where it belongs."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    standing: Standing
    muted: bool
    """Nothing is sent or answered as this instance until an operator has declared what happened."""


class Declaration(BaseModel):
    """What the operator says has happened to a muted instance."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    decision: Literal["copy", "restored"]
    """`copy`: it gets an id and keys of its own. `restored`: it is the same instance in a new epoch."""
