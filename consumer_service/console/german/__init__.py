"""The German sentences of this console (design: quality.md, one more language to prove it)."""

from typing import Final

from consumer_service.console.german.onboarding import ONBOARDING
from consumer_service.console.german.operation import OPERATION
from consumer_service.console.german.people import PEOPLE

GERMAN: Final = {**PEOPLE, **OPERATION, **ONBOARDING}
