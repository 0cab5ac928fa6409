"""The audit trail: who changed what, when, from where."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol
from urllib.parse import urlencode

from fastapi import Query, Request
from starlette.responses import Response

from provider_service.audit import service
from provider_service.audit.schemas import FilterText
from provider_service.console.deps import PAGE_LENGTH, AdminDep, console_router, page
from provider_service.context import ContextDep

router = console_router()

_NOTHING = "\N{EN DASH}"
SHOWN: Final = 300
"""Characters of what an entry changed, at most; the API shows all of it."""


class Changed(Protocol):
    """Of an entry, what it says was before and is after."""

    before: Any
    after: Any


@router.get("/audit")
async def show_trail(
    *,
    request: Request,
    context: ContextDep,
    _caller: AdminDep,
    action: Annotated[FilterText, Query()] = None,
    number: Annotated[FilterText, Query()] = None,
    subject_type: Annotated[FilterText, Query()] = None,
    before: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> Response:
    """Show entries, the newest first."""
    given = {"action": action, "number": number, "subject_type": subject_type}
    filters = {name: value.strip() for name, value in given.items() if value and value.strip()}
    rows = await context.database.read(service.trail, before=before, limit=PAGE_LENGTH + 1, filters=filters)
    shown = rows[:PAGE_LENGTH]
    following = ""
    if len(rows) > PAGE_LENGTH:
        following = "?" + urlencode({**filters, "before": shown[-1].position})
    return page(
        request,
        "audit.html",
        entries=shown,
        changes=changes,
        filters=filters,
        following=following,
        first="?" + urlencode(filters) if before is not None else "",
    )


def changes(entry: Changed) -> str:
    """Return what an entry says has changed, one member after the other; members without a value are left out."""
    before, after = entry.before or {}, entry.after or {}
    names = [name for name in {**before, **after} if before.get(name, "") != after.get(name, "")]
    told = [f"{name}: {_from(before, name)}{_plain(after.get(name))}" for name in names]
    return "; ".join(text for text in told if not text.endswith(": "))[:SHOWN]


def _from(before: Mapping[str, Any], name: str) -> str:
    return f"{_plain(before[name]) or _NOTHING} → " if name in before else ""


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
