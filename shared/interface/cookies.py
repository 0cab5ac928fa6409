"""Cookie names that let two instances on one host live in one browser."""

import hashlib


def cookie_name(purpose: str, instance_id: str, *, secure: bool) -> str:
    """The name of one instance's cookie, for instance ``__Host-session-3f2a9c01``.

    Cookies ignore ports (RFC 6265 section 8.5), so two instances on one host would overwrite each other's; the suffix
    is hashed because identifiers made in the same moment begin alike. ``secure`` says whether the instance is reached
    by https; only then may the name carry the ``__Host-`` prefix.
    """
    suffix = hashlib.sha256(instance_id.encode()).hexdigest()[:8]
    return f"{'__Host-' if secure else ''}{purpose}-{suffix}"
