"""The German sentences of this console, one module a group of pages."""

from typing import Final

from provider_service.console.german import onboarding, operation, people, words

GERMAN: Final = {**words.GERMAN, **people.GERMAN, **onboarding.GERMAN, **operation.GERMAN}
"""English sentence to German sentence."""
