"""From a template's name to a page: one Jinja environment a service, strict about names and escaping."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shared.interface import formats
from shared.interface.assets import Assets
from shared.interface.flash import Flashes
from shared.interface.frame import Frame
from shared.interface.languages import Catalogues, Languages, translate
from shared.wire.errors import ExchangeError

OWN_TEMPLATES = Path(__file__).parent / "templates"
"""The folder of the shell and the components; a service's folders are searched before it."""

Side = Literal["Provider", "Consumer"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a service gives its pages beside templates.

    ``frame`` says what stands around a page, for each request, signed in or not. ``flashes`` may be None where no
    message is ever left. ``clock`` gives aware UTC.
    """

    frame: Callable[[Request], Frame]
    flashes: Flashes | None = None
    assets: Assets = field(default_factory=Assets)
    catalogues: Catalogues = field(default_factory=dict)
    clock: Callable[[], datetime] = _utc_now


class Pages:
    """Renders templates. Every variable must exist (StrictUndefined) and every value is escaped.

    A template sees ``frame``, ``path``, ``product``, ``side``, ``language``, ``flashes``, ``static(name)``,
    ``t(sentence)`` and the filters ``time``, ``ago``, ``bytes``, ``number``, ``href``, ``groups``.
    """

    def __init__(
        self, package_templates: Sequence[Path], *, product: str, side: Side, surroundings: Surroundings
    ) -> None:
        self._surroundings = surroundings
        self.languages = Languages(surroundings.catalogues)
        self.environment = Environment(
            loader=FileSystemLoader([*package_templates, OWN_TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(product=product, side=side, static=surroundings.assets.url, t=translate)
        self.environment.filters.update(
            time=formats.time,
            ago=self._ago,
            bytes=formats.size,
            number=formats.number,
            href=formats.href,
            groups=formats.groups,
        )

    def render(self, request: Request, name: str, *, status_code: int = 200, **context: object) -> HTMLResponse:
        """A whole page; messages waiting for it are shown and forgotten.

        Raises jinja2.TemplateNotFound for an unknown template, jinja2.UndefinedError for a missing variable.
        """
        flashes = self._surroundings.flashes
        waiting = flashes.read(request) if flashes else []
        response = self._answer(request, name, status_code, {**context, "flashes": waiting})
        if flashes and waiting:
            flashes.clear(response)
        return response

    def fragment(self, request: Request, name: str, *, status_code: int = 200, **context: object) -> HTMLResponse:
        """Part of a page, for htmx; messages are left waiting for the next whole page."""
        return self._answer(request, name, status_code, {**context, "flashes": []})

    def problem(
        self, request: Request, error: ExchangeError, *, status_code: int, request_id: str = ""
    ) -> HTMLResponse:
        """The page that says what happened, why, and what to do."""
        return self.render(request, "problem.html", status_code=status_code, error=error, request_id=request_id)

    def _answer(self, request: Request, name: str, status_code: int, context: dict[str, object]) -> HTMLResponse:
        frame = self._surroundings.frame(request)
        language = self.languages.preferred(frame.language, request.headers.get("accept-language"))
        with self.languages.speaking(language):
            text = self.environment.get_template(name).render(
                {"frame": frame, "path": request.url.path, "language": language, **context}
            )
        return HTMLResponse(text, status_code=status_code, headers={"content-language": language})

    def _ago(self, instant: datetime | None) -> str | Markup:
        return formats.ago(instant, self._surroundings.clock())
