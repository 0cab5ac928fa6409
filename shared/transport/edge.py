"""Puts all layers around an application, in the one right order.

Outermost first: request id, signed answers, header form, rate limits, body limits, unexpected errors, the routes. So
every refusal carries the request id, and beneath ``/exchange`` every refusal is signed.
"""

from collections.abc import Callable

from fastapi import FastAPI

from shared.transport import problems
from shared.transport.inbound import SignedAnswers, Signer
from shared.transport.limits import BodyLimits, EdgeLimits, HeaderForm, RequestIds
from shared.transport.rates import RateLimits, RateRule


def protect(
    app: FastAPI,
    *,
    issuer: str,
    signer: Signer,
    clock: Callable[[], float],
    limits: EdgeLimits | None = None,
    rate_rule: RateRule | None = None,
) -> None:
    """Give ``app`` its layers and its problem handlers. ``issuer``: the configured origin; ``clock``: unix seconds."""
    chosen = limits or EdgeLimits()
    problems.install(app)
    app.add_middleware(BodyLimits, limits=chosen)
    if rate_rule is not None:
        app.add_middleware(RateLimits, rule=rate_rule)
    app.add_middleware(HeaderForm, limits=chosen)
    app.add_middleware(SignedAnswers, issuer=issuer, signer=signer, clock=clock)
    app.add_middleware(problems.UnexpectedErrors)  # faults of the layers themselves
    app.add_middleware(RequestIds)
