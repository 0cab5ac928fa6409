"""The German sentences of this console (design: quality.md, one more language to prove it)."""

from typing import Final

from consumer_service.console.german import identity
from consumer_service.console.german.onboarding import ONBOARDING
from consumer_service.console.german.operation import OPERATION
from consumer_service.console.german.people import PEOPLE
from consumer_service.console.german.rekeying import REKEYING

GERMAN: Final = {**PEOPLE, **OPERATION, **ONBOARDING, **REKEYING, **identity.GERMAN}
