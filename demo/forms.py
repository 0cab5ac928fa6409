"""A browser that only knows pages and forms: enough to sign in and to click through the consoles."""

import uuid
from collections.abc import Sequence
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

CSRF_FIELD = "csrf_token"
CSRF_HEADER = "x-csrf-token"


class _Page(HTMLParser):
    """Collects the forms of a page with their fields and buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, object]] = []
        self._button: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append({"action": given.get("action", ""), "fields": {}, "buttons": {}})
        elif self.forms and tag in {"input", "textarea", "select"} and given.get("name"):
            kind = given.get("type", "text")
            if kind not in {"checkbox", "radio"} or "checked" in given:
                self._fields()[given["name"]] = given.get("value", "")
        elif self.forms and tag == "button":
            self._button = ""
            self._given = given
        elif tag == "option" and "selected" in given and self.forms:
            last = list(self._fields())[-1]
            self._fields()[last] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self._button += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "button" and self._button is not None:
            buttons = self.forms[-1]["buttons"]
            assert isinstance(buttons, dict)
            buttons[" ".join(self._button.split())] = self._given
            self._button = None

    def _fields(self) -> dict[str, str]:
        fields = self.forms[-1]["fields"]
        assert isinstance(fields, dict)
        return fields


class Browser:
    """Keeps cookies, follows redirects between both services, fills in forms by the text of their button."""

    def __init__(self) -> None:
        self._client = httpx.Client(follow_redirects=True, timeout=60)
        self.url = ""
        self.text = ""

    def open(self, url: str) -> str:
        """Load a page and return its text."""
        return self._keep(self._client.get(url, headers={"accept": "text/html"}))

    def submit(self, button: str, **values: str) -> str:
        """Press the button of this text, having filled in ``values``; return the page that follows."""
        page = _Page()
        page.feed(self.text)
        for form in page.forms:
            buttons, fields = form["buttons"], form["fields"]
            assert isinstance(buttons, dict)
            assert isinstance(fields, dict)
            pressed = next((given for text, given in buttons.items() if text.startswith(button)), None)
            if pressed is None:
                continue
            sent = {**fields, **values}
            if pressed.get("name"):
                sent[pressed["name"]] = pressed.get("value", "")
            target = urljoin(self.url, pressed.get("formaction") or str(form["action"]) or self.url)
            parts = urlsplit(self.url)
            headers = {
                "origin": f"{parts.scheme}://{parts.netloc}",
                "sec-fetch-site": "same-origin",
                "accept": "text/html",
            }
            return self._keep(self._client.post(target, data=sent, headers=headers))
        raise RuntimeError(f"{self.url} has no button {button!r}:\n{self.text[:3000]}")

    def submit_for_redirect(self, button: str, **values: str) -> str:
        """Press a button whose answer sends the browser elsewhere; return where, without going there."""
        self._client.follow_redirects = False
        try:
            self.submit(button, **values)
        finally:
            self._client.follow_redirects = True
        return self._location

    def make_token(self, url: str, scopes: Sequence[str]) -> str:
        """Make an API token for the person signed in."""
        page = _Page()
        page.feed(self.text)
        csrf = next(
            value
            for form in page.forms
            if isinstance(form["fields"], dict)
            for name, value in form["fields"].items()
            if name == CSRF_FIELD
        )
        headers = {
            "origin": url,
            "sec-fetch-site": "same-origin",
            CSRF_HEADER: csrf,
            "idempotency-key": uuid.uuid4().hex,
        }
        body = {"name": "demo", "scopes": list(scopes)}
        answer = self._client.post(f"{url}/api/v1/tokens", json=body, headers=headers)
        if answer.status_code != 201:
            raise RuntimeError(f"No token: {answer.text}")
        return str(answer.json()["token"])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _keep(self, response: httpx.Response) -> str:
        self.url, self.text = str(response.url), response.text
        self._location = response.headers.get("location", "")
        if response.status_code >= 400:
            raise RuntimeError(
                f"{response.request.method} {self.url} answered {response.status_code}:\n{self.text[:3000]}"
            )
        return self.text
