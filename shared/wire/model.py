"""The base of every wire model."""

from pydantic import BaseModel, ConfigDict


class WireModel(BaseModel):
    """A document between instances: frozen, and tolerant of members it does not know.

    They stay authentic, as the signature covers the raw bytes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, allow_inf_nan=False)
