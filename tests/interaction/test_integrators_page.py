"""The page for integrators, followed to the letter: each of its commands is carried out in turn, on either side."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.interaction.sides import Side
from tests.interaction.world import World

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "integrators.md"
SCOPES = ["connections:read", "incidents:write", "events:read"]
"""Those the page names."""
PATCHED = {"content_type": "application/merge-patch+json", "if_match": '"2"'}


def commands() -> Iterator[list[str]]:
    """Every command of the page, in words; what it pipes into another one is left out."""
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield shlex.split(line.partition(" | ")[0], comments=True)


class Reader:
    """Somebody who types what the page says, and fills in what it leaves open from the answers."""

    def __init__(self, world: World, side: Side, token: str) -> None:
        self.world, self.side = world, side
        self.known = {"EXCHANGE": side.issuer, "TOKEN": token}
        self.answers: list[httpx.Response] = []

    async def follow(self) -> None:
        """Carry out every command of the page; each must succeed."""
        for words in commands():
            if words[0] == "export":
                name, _, _ = words[1].partition("=")
                assert name in self.known, f"the page does not say where {name} comes from"
            else:
                self._learn(await self._call(words))
                await self.world.turn()

    async def _call(self, words: list[str]) -> httpx.Response:
        assert words[0] == "curl"
        method, headers, body, url = "GET", {}, None, ""
        rest = iter(words[1:])
        for word in rest:
            if word == "-X":
                method = next(rest)
            elif word == "-H":
                name, _, value = self._filled(next(rest)).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = self._filled(next(rest)).encode()
            elif not word.startswith("-s"):
                url = self._filled(word)
        answer = await self.side.client.request(method, url, headers=headers, content=body)
        assert answer.status_code < 300, (words, answer.text)
        return answer

    def _filled(self, text: str) -> str:
        text = text.replace("$(uuidgen)", str(uuid4()))
        return re.sub(r"\$([A-Z]+)", lambda found: self.known[found[1]], text)

    def _learn(self, answer: httpx.Response) -> None:
        path, said = answer.request.url.path, answer.json()
        if path.endswith("/connections"):
            self.known["CONNECTION"] = said["items"][0]["id"]
        elif path.endswith("/incidents"):
            self.known["INCIDENT"] = said["id"]
        elif path.endswith("/events"):
            self.known["AFTER"] = said["next_after"]
        self.answers.append(answer)

    def told(self, ending: str) -> Any:
        """What the last call of that path answered."""
        return next(answer.json() for answer in reversed(self.answers) if answer.request.url.path.endswith(ending))


@pytest.mark.requirement("integrators.page")
@pytest.mark.parametrize("sender", ["provider", "consumer"])
async def test_the_page_leads_from_a_token_to_an_incident_at_the_peer(pushing: World, sender: str):
    ours: Side = getattr(pushing, sender)
    theirs = pushing.consumer if sender == "provider" else pushing.provider
    made = await ours.api("POST", "tokens", {"name": "integration", "scopes": SCOPES, "expires_in_days": 30})
    reader = Reader(pushing, ours, made["token"])
    await reader.follow()
    (arrived,) = await theirs.items("incidents")
    assert arrived["fields"]["short_description"] == "Mail is down"
    assert arrived["fields"]["state"] == "In Progress"
    (told,) = reader.told("/bonds")["items"]
    assert (told["peer_number"], told["applied_at"] is not None) == (None, True)
    assert [one["status"] for one in reader.told("/messages")["items"] if one["type"] == "incident"] == ["applied"]
    assert [one["text"] for one in await theirs.api("GET", f"incidents/{arrived['id']}/comments")] == ["Restarting it."]
    assert reader.told("/events")["items"] == []
    await theirs.api("PATCH", f"incidents/{arrived['id']}", {"state": "Closed"}, **PATCHED)
    await pushing.turn()
    (bond,) = await ours.items(f"bonds?incident_id={reader.known['INCIDENT']}")
    assert bond["peer_number"] == arrived["number"]
