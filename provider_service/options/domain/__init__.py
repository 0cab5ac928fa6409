"""The options there are, and what they may be set to; one module a concern."""

from provider_service.options.domain.catalogue import (
    DEFINITIONS,
    Code,
    Definition,
    OptionChange,
    OptionRecord,
    Options,
    OptionType,
    SelfRegistration,
    definition_of,
    options_of,
)
from provider_service.options.domain.mapping import Attributes, counterpart, pairs_of
from provider_service.options.domain.validation import require_consistent, validated

__all__ = [
    "DEFINITIONS",
    "Attributes",
    "Code",
    "Definition",
    "OptionChange",
    "OptionRecord",
    "OptionType",
    "Options",
    "SelfRegistration",
    "counterpart",
    "definition_of",
    "options_of",
    "pairs_of",
    "require_consistent",
    "validated",
]
