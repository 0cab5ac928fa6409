"""The German sentences of this console, one module a group of pages."""

from typing import Final

from provider_service.console.german import (
    identity,
    onboarding,
    operation,
    people,
    rekeying,
    self_service,
    words,
)

GERMAN: Final = {
    **words.GERMAN,
    **people.GERMAN,
    **identity.GERMAN,
    **onboarding.GERMAN,
    **operation.GERMAN,
    **rekeying.GERMAN,
    **self_service.GERMAN,
}
"""English sentence to German sentence."""
