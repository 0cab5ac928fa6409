"""What is sent in the place of a message that cannot pass, so that its lane goes on (docs/protocol.md, section 8)."""

import json
from typing import Final

from shared.wire.messages import VoidData
from shared.wire.problems import Problem
from shared.wire.states import MessageType

DETAIL_LENGTH: Final = 500
"""Characters of the reason that travel."""

SKIPPED: Final = "skipped"
"""Code of the problem of a message that an operator withdrew."""


def void_text(body: str, cause: str | None) -> str:
    """Return the text of the void for a message's text: the same id, lane, sequence and time, without the content."""
    message = json.loads(body)
    problem = Problem.model_validate_json(cause) if cause else Problem()
    data = VoidData(
        type=message["type"], code=problem.code[:64], detail=(problem.detail or problem.title)[:DETAIL_LENGTH]
    )
    void = {**message, "type": MessageType.VOID, "subject": "", "data": data.model_dump()}
    return json.dumps(void, ensure_ascii=False, separators=(",", ":"))
