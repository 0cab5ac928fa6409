"""Structured logs: one JSON object a line, from our code and from the libraries alike, with nothing secret in them."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Literal

import structlog

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request being served; in every line logged meanwhile, and in its problem answer."""

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(
    r"(?:^|_)(?:password|passwd|secret|token|authorization|cookie|signature|credential|private_key|master_key|otp|(?:authorization|comparison)_code)s?$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"(?P<name>\b(?:bearer|basic)\s+|[?&#;](?:token|code|state)=|\b(?:token|password|secret)=|://[^/\s:@]+:)(?P<value>[^\s&;,@'\"]+)",
    re.IGNORECASE,
)

_Event = MutableMapping[str, Any]


def configure_logging(*, level: str = "info", form: Literal["json", "console"] = "json") -> None:
    """Send every logger of the process to standard error in one form. Call once, at the start of a process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        add_request_id,
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
        if form == "json"
        else [structlog.processors.format_exc_info, redact, structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it speaks at every look at the schema
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # the application logs requests itself, without their query


def add_request_id(_logger: Any, _method: str, event: _Event) -> _Event:
    """Name the request a line belongs to."""
    current = request_id.get()
    if current is not None:
        event.setdefault("request_id", current)
    return event


def redact(_logger: Any, _method: str, event: _Event) -> _Event:
    """Hide values by the name they are logged under, and tokens that stand inside a text."""
    return {name: _redacted(name, value) for name, value in event.items()}


def _redacted(name: str, value: Any) -> Any:
    if _SECRET_NAMES.search(name) and value is not None:
        return value if isinstance(value, int) else HIDDEN
    if isinstance(value, str):
        return _SECRET_TEXT.sub(lambda match: f"{match['name']}{HIDDEN}", value)
    if isinstance(value, dict):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", inner) for inner in value]
    return value
