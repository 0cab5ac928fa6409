"""Static files under names that change with their content, so that browsers may keep them for a year."""

import hashlib
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

OWN_STATIC = Path(__file__).parent / "static"
"""The folder of the files both consoles share."""

_PREFIX = "/static"
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_VERSION_LENGTH = 12


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    media_type: str
    version: str


class Assets:
    """All static files of the given folders, read once; a later folder wins over an earlier one.

    They are few and small, so they are kept in memory: no path from a request ever reaches the file system.
    """

    def __init__(self, directories: Sequence[Path] = ()) -> None:
        self._assets: dict[str, _Asset] = {}
        for directory in (OWN_STATIC, *directories):
            for path in sorted(directory.rglob("*")):
                if path.is_file():
                    self._assets[path.relative_to(directory).as_posix()] = _read(path)

    def url(self, name: str) -> str:
        """The address of one file, its content's hash included. Raises KeyError for a file that does not exist."""
        return f"{_PREFIX}/{self._assets[name].version}/{name}"

    def route(self) -> Route:
        """The route that serves them; add it to the application once."""
        return Route(f"{_PREFIX}/{{version}}/{{name:path}}", self._serve, methods=["GET"], include_in_schema=False)

    async def _serve(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            return Response("Not found", status_code=404, media_type="text/plain")
        # While workers of two releases run side by side a page may ask for the other one's version: the present
        # content is better than none, but nobody may keep it under that name.
        fresh = request.path_params["version"] == asset.version
        return Response(
            asset.content,
            media_type=asset.media_type,
            headers={"cache-control": _FOR_A_YEAR if fresh else "no-cache"},
        )


def _read(path: Path) -> _Asset:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _Asset(content, media_type, hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH])
