"""What the consent page shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsentView:
    """What the contact sees before allowing a connection."""

    number: str
    company: str
    consumer: str
    """Name of the consumer's instance."""
    consumer_url: str
    expected_user_id: str | None
    """None where the contact has lost its user: nobody may allow then."""
    expected_name: str
    expected_email: str
    comparison: str
    must_type_code: bool
    """True for a consumer that cannot be called, where typing its code stands for control of the address; and for a
    re-keying, where it is what tells the right instance from a thief."""
    rekeys: bool
    """True where an existing connection gets other keys."""
    callback_origin: str
    """Where the browser goes afterwards; the page's form-action must allow it."""
