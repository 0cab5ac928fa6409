"""The mails that people of self-service registration get, with the worker's turns that lead to them."""

import re

from provider_service import composition
from provider_service.mail import service as mail
from provider_service.mail.domain import Handover
from provider_service.self_service import calls
from tests.provider.console.world import World

_TOKEN = re.compile(r"#token=([\w-]+)")


async def post(world: World, to: str) -> list[str]:
    """Do the worker's turns; return the texts of the mails to somebody, the newest last."""
    await calls.screen_due(world.context)
    await calls.provision_due(world.context)
    desk = composition.mail_desk(world.context.settings, world.context.masters, "hub@example.com")
    texts = []
    for one in await world.context.database.write(mail.claim_due, desk, now=world.now(), limit=50):
        await world.context.database.write(mail.settle, one.mail_id, Handover.DONE, now=world.now())
        body = one.message.get_body(("plain",))
        assert body is not None
        if one.message["To"] == to:
            texts.append(body.get_content())
    return texts


def secret(text: str) -> str:
    found = _TOKEN.search(text)
    assert found is not None, text
    return found[1]
