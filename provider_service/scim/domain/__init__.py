"""What is fixed of SCIM here. What it says of people and groups stands in `resources`, which is loaded when called."""

from typing import Final

PREFIX: Final = "/scim/v2"
MEDIA_TYPE: Final = "application/scim+json"
TOKEN_PREFIX: Final = "sxs_"  # noqa: S105 - what tokens begin with, so that scanners find leaked ones
PAGE: Final = 200
"""Resources of a page, at most."""
