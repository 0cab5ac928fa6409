"""Template filters: how instants, sizes, counts and addresses are written for people."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup

from shared.interface.languages import translate

_UNITS = ("B", "kB", "MB", "GB", "TB")
_UNIT_STEP = 1000
_STEPS = (
    (60, 1, "{count} s ago", "in {count} s"),
    (3600, 60, "{count} min ago", "in {count} min"),
    (86400, 3600, "{count} h ago", "in {count} h"),
    (None, 86400, "{count} d ago", "in {count} d"),
)
_JUST_NOW_SECONDS = 2
_NONE = "\N{EN DASH}"
_SCHEMES = frozenset({"", "http", "https", "mailto"})


def time(instant: datetime | None, *, seconds: bool = False) -> str:
    """An aware instant as UTC in a ``<time>`` element, a dash for None. Raises ValueError for a naive one.

    The order year, month, day reads the same in every language and sorts as it reads.
    """
    if instant is None:
        return _NONE
    moment = _utc(instant)
    shown = moment.strftime("%Y-%m-%d %H:%M:%S UTC" if seconds else "%Y-%m-%d %H:%M UTC")
    return _element(moment, shown, shown)


def ago(instant: datetime | None, now: datetime) -> str:
    """An aware instant relative to now ("5 min ago", "in 3 h"), its full time as tooltip; a dash for None."""
    if instant is None:
        return _NONE
    moment = _utc(instant)
    seconds = int((_utc(now) - moment).total_seconds())
    return _element(moment, _distance(seconds), moment.strftime("%Y-%m-%d %H:%M:%S UTC"))


def _distance(seconds: int) -> str:
    size = abs(seconds)
    if size < _JUST_NOW_SECONDS:
        return translate("just now")
    unit, past, future = next(
        (unit, past, future) for below, unit, past, future in _STEPS if below is None or size < below
    )
    return translate(past if seconds > 0 else future, count=size // unit)


def size(count: float) -> str:
    """A number of bytes in decimal units: 1,536 is "1.5 kB"."""
    unit = 0
    while abs(count) >= _UNIT_STEP and unit < len(_UNITS) - 1:
        count /= _UNIT_STEP
        unit += 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"


def number(value: float) -> str:
    """A number with thin spaces between thousands, as SI writes them: no language mistakes them for decimals."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def href(address: str) -> str:
    """An address safe to put into a link: http, https, mailto or relative; anything else leads nowhere.

    Escaping alone would let ``javascript:`` through.
    """
    try:
        scheme = urlsplit(address.strip()).scheme.lower()
    except ValueError:
        return "about:invalid"
    return address if scheme in _SCHEMES else "about:invalid"


def groups(text: str, length: int = 4) -> list[str]:
    """A long code in groups that the eye can hold."""
    return [text[start : start + length] for start in range(0, len(text), length)]


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant without a time zone cannot be shown")
    return instant.astimezone(UTC)


def _element(moment: datetime, shown: str, tooltip: str) -> Markup:
    stamp = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, tooltip, shown)
