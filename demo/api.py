"""The integrator's API as the story uses it: a token, JSON, a fresh idempotency key a call."""

import uuid
from typing import Any

import httpx


class Api:
    """One service's API with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=60)

    def get(self, path: str, **query: Any) -> Any:
        """Return what stands at ``path``."""
        return self._checked(self._client.get(path, params=query))

    def post(self, path: str, body: Any = None) -> Any:
        """Do something once and return the answer."""
        headers = {"idempotency-key": uuid.uuid4().hex}
        return self._checked(self._client.post(path, json=body, headers=headers))

    def patch(self, path: str, body: Any) -> Any:
        """Change what stands at ``path``, starting from its present version."""
        current = self._client.get(path)
        headers = {"if-match": current.headers["etag"], "content-type": "application/merge-patch+json"}
        return self._checked(self._client.patch(path, json=body, headers=headers))

    def put(self, path: str, body: Any) -> Any:
        """Replace what stands at ``path``, starting from its present version."""
        current = self._client.get(path.rpartition("/")[0])
        headers = {"if-match": current.headers.get("etag", "")}
        return self._checked(self._client.put(path, json=body, headers=headers))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @staticmethod
    def _checked(response: httpx.Response) -> Any:
        if response.status_code >= 400:
            raise RuntimeError(f"{response.request.method} {response.request.url} answered {response.text}")
        return response.json()
