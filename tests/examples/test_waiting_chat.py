"""What the WebSocket client says while its turn waits for somebody."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from shared.clock import SystemClock
from tests.examples.programs import printed, run, running
from tests.support.deployments import SERVICE_TOKEN, Running, local_set
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall
from tests.walls.people import JWT_SECRET, Person

ANN = Person("default", "ann", email="ann@example.org")
TOOLS = '''
def refund(order: str) -> str:
    """Refund an order. It moves money."""
    return "Refunded."
'''
REFUND = Step(tool_calls=[ToolCall(name="refund", input={"order": "42"})])
DONE = Step(tokens=["It is on its way."])
JWT = {"AUTH_MODE": "jwt", "AUTH_JWT_SECRET": JWT_SECRET, "SERVICE_TOKEN": SERVICE_TOKEN}
SERVICE = {"SERVICE_TOKEN": SERVICE_TOKEN}
CALL = 'Refund an order. It moves money. refund(order: "42")'


@contextmanager
def chat(folder: Path, *steps: Step, **gate: Any) -> Iterator[tuple[Running, Popen[str]]]:
    """Ann's chat with an agent whose tool has this before it."""
    agents = folder / "agents"
    agents.mkdir()
    (agents / "tools.py").write_text(TOOLS)
    tool = {"python": "tools:refund", **gate}
    written = {"name": "Shop", "instructions": "You help.", "tools": [tool]}
    (agents / "shop.yaml").write_text(json.dumps(written))
    variables = {**JWT, "ASSISTANT_LOCAL_CONFIG_DIR": str(agents)}
    with (
        ScriptedMessagesApi(steps) as api,
        local_set(folder, api.base_url, variables) as served,
    ):
        url = f"{served.socket_url}?token={ANN.token(SystemClock().now())}"
        said = "Refund order 42\n"
        program = "chat_websocket.py"
        with running(program, "shop", said=said, PARLEY_WEBSOCKET_URL=url) as process:
            yield served, process


def lines(process: Popen[str], count: int) -> list[str]:
    """The next lines that it prints, without empty ones."""
    assert process.stdout
    found: list[str] = []
    while len(found) < count:
        line = process.stdout.readline()
        assert line, "it ended before"
        if line.strip():
            found.append(line.strip())
    return found


@pytest.mark.parametrize(
    ("approval", "who", "person"),
    [
        ("required", "You decide until 2", {"PARLEY_USER": "ann"}),
        ({"required": True, "roles": ["boss", "clerk"]}, "The role boss or clerk decides", {}),
    ],
)
def test_it_says_what_waits_and_how_to_decide(
    tmp_path: Path, approval: Any, who: str, person: dict[str, str]
) -> None:
    with chat(tmp_path, REFUND, DONE, approval=approval) as (served, process):
        waits, how = lines(process, 2)
        assert waits == f"[Waits for an approval: {CALL}]"
        assert how.startswith(f"[{who}")
        command = how.partition(": python examples/")[2].removesuffix(" (or deny)]")
        program, word, approval_id = command.split()
        decided = run(program, word, approval_id, PARLEY_URL=served.url, **SERVICE, **person)
        assert printed(decided).startswith("approved by ")
        assert lines(process, 1) == ["It is on its way."]
        assert process.wait() == 0


def test_it_says_that_it_takes_no_codes(tmp_path: Path) -> None:
    with chat(tmp_path, REFUND, verified=True) as (_, process):
        [told] = lines(process, 1)
        assert told.startswith("[Waits for the code sent to a***@example.org. Only parley chat")
