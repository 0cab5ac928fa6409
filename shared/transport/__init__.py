"""CROSSING: the only room where httpx and fastapi meet the wire and its signatures.

Outbound: ``egress`` (where we may connect), ``connector`` (connect there and nowhere else), ``client`` (signed calls).
Inbound: ``edge`` (puts the layers around an application), ``limits``, ``rates``, ``inbound``, ``problems``.
For authors of routes: ``conventions``, ``idempotency``, ``openapi``.
"""
