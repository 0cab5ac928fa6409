"""Use cases of the keys slice, one module a concern; callers import the names from here."""

from consumer_service.keys.service.diagnostics import health
from consumer_service.keys.service.holder import KeyHolder
from consumer_service.keys.service.publication import (
    acknowledge,
    forget,
    key_set,
    pending_notice,
    sequence,
)
from consumer_service.keys.service.ring import (
    Masters,
    get_key,
    holds_identity,
    identity_thumbprint,
    list_keys,
    require_identity,
    signer,
    verifiers,
)
from consumer_service.keys.service.rotation import (
    NO_HOOKS,
    KeyHooks,
    activate,
    compromise,
    ensure_ring,
    rekey,
    replace_ring,
    rotate,
    stage,
    tend,
    waiting,
)
from consumer_service.keys.service.sealing import open_sealed, rewrap, rewrap_batch, rewrapped, seal

__all__ = [
    "NO_HOOKS",
    "KeyHolder",
    "KeyHooks",
    "Masters",
    "acknowledge",
    "activate",
    "compromise",
    "ensure_ring",
    "forget",
    "get_key",
    "health",
    "holds_identity",
    "identity_thumbprint",
    "key_set",
    "list_keys",
    "open_sealed",
    "pending_notice",
    "rekey",
    "replace_ring",
    "require_identity",
    "rewrap",
    "rewrap_batch",
    "rewrapped",
    "rotate",
    "seal",
    "sequence",
    "signer",
    "stage",
    "tend",
    "verifiers",
    "waiting",
]
