"""Names and numbers of protocol version 1 (design: protocol.md; prose: docs/protocol.md)."""

from typing import Final

PROTOCOL: Final = "service-exchange"
"""Name of the protocol in discovery documents."""

PROTOCOL_VERSION: Final = "1"
"""The one version this software speaks; peers must have one in common."""

SOFTWARE_NAME: Final = "service-exchange"
SOFTWARE_VERSION: Final = "0.1.0"

WELL_KNOWN_PATH: Final = "/.well-known/service-exchange"
"""Where an instance's discovery document stands, beneath its issuer."""

SIGNATURE_TAG: Final = "service-exchange-1"
"""The ``tag`` parameter of every signature of the profile (RFC 9421 section 2.3)."""

CONNECTION_HEADER: Final = "exchange-connection"
"""Names the connection of a request once it is onboarded; always covered."""

NONCE_HEADER: Final = "exchange-request-nonce"
"""In an unsigned request: the nonce the answer must echo. In an answer: that echo, or the signed request's nonce."""

IDEMPOTENCY_HEADER: Final = "idempotency-key"

JSON_TYPE: Final = "application/json"
PROBLEM_TYPE: Final = "application/problem+json"

MESSAGES_PER_REQUEST: Final = 100
"""Messages in one batch, at most (negotiated downwards)."""

BYTES_PER_REQUEST: Final = 1_048_576
"""Bytes of one request body, at most."""

PULL_WAIT_SECONDS: Final = 25
"""How long a pull may stay open while nothing is there to lease."""

PULL_LEASE_SECONDS: Final = 60
"""How long a pulled batch is kept for the one who leased it."""

HELD_PER_LANE: Final = 100
HELD_PER_CONNECTION: Final = 10_000
"""Messages kept while an earlier one of their lane is missing; beyond that they are ``deferred``."""

LANES_PER_PAGE: Final = 500
"""Lanes in one page of marks, when the two sides compare them after a restore."""

MARK_LEAP: Final = 1_000_000
"""How far a mark may lie beyond what this side remembers of a lane, before it is taken for a lie."""

MEMORY_DAYS: Final = 90
"""How long the id, hash and outcome of a message are remembered; a lane's highest sequence is kept for ever."""

GIVE_UP_DAYS: Final = 14
"""Age at which an undelivered message needs attention. Retries go on; nothing unsent is purged."""

REGISTRATION_TOKEN_HOURS: Final = 72
"""Life of a registration link unless the operator says otherwise."""

AUTHORIZATION_CODE_SECONDS: Final = 60
AUTHORIZATION_REQUEST_SECONDS: Final = 600
COMPARISON_ATTEMPTS: Final = 5
CLOCK_SKEW_SECONDS: Final = 10
