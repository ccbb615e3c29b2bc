"""A turn that waits goes on with the configuration that it began with."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.backends.recorded import MAX_CACHED
from shared.errors import ConfigurationError, NotFound
from shared.runner.gates import Approval, Gate
from shared.runner.request import Equipped
from shared.settings import Settings
from shared.wiring import Deployment
from tests.backends.test_local_tools import rewrite
from tests.tools.calls import context

SUPPORT = """
name: Support
instructions: Help.
model: m
skills: [tone]
confirm_tools: [pay]
tools:
  - builtin: request_choices
  - python: orders:find
    verified: true
  - python: orders:pay
    timeout_sec: 7
  - name: refund
    description: Refund.
    parameters: {type: object, properties: {id: {type: string}}, required: [id]}
    http: {method: POST, url: "https://example.com/{id}", headers: {X-Key: "secret:refunds"}}
    approval: {required: true, timeout_sec: 3600, roles: [admin]}
  - name: stock
    description: Stock.
    parameters: {type: object}
    lambda: {function: stock}
"""
ORDERS = (
    'def find(a: int) -> int:\n    """Find it."""\n    return a\n'
    'def pay(b: int) -> int:\n    """Pay it."""\n    return b\n'
)
GATES = {
    "find": Gate(verified=True),
    "pay": Gate(approval=Approval()),
    "refund": Gate(approval=Approval(seconds=3600, roles=frozenset({"admin"}))),
}


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    folder = tmp_path / "agents"
    folder.mkdir()
    (folder / "support.yaml").write_text(SUPPORT)
    (folder / "orders.py").write_text(ORDERS)
    (tmp_path / "library" / "skills").mkdir(parents=True)
    (tmp_path / "library" / "skills" / "tone.md").write_text("Be kind.")
    return folder


@pytest.fixture
def deployment(tmp_path: Path, agents: Path) -> Iterator[Deployment]:
    variables = {
        "WORKSPACE_BASE": str(tmp_path / "w"),
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
        "LIBRARY_DIR": str(tmp_path / "library"),
    }
    made = Deployment(Settings.load(variables, loopback=True))
    yield made
    made.close()


def stored(equipped: Equipped) -> dict[str, Any]:
    """What is recorded, as it comes back from a store."""
    text = json.dumps(equipped.recorded, allow_nan=False)
    found: dict[str, Any] = json.loads(text)
    assert found == equipped.recorded
    return found


def told(equipped: Equipped) -> list[tuple[str, str, Mapping[str, Any], float]]:
    """All that a model and the runner know of the tools."""
    return [(tool.name, tool.description, tool.parameters, tool.timeout) for tool in equipped.tools]


def run(equipped: Equipped, name: str, **arguments: Any) -> str:
    [tool] = [tool for tool in equipped.tools if tool.name == name]
    return str(tool.run(arguments, context()))


def test_an_agent_is_given_out_with_gates_and_built_in_tools(deployment: Deployment) -> None:
    found = deployment.equip("support", None, "local")
    assert [tool.name for tool in found.tools] == ["find", "pay", "refund", "stock"]
    assert found.gates == GATES
    assert found.builtins == {"request_choices"}


def test_an_agent_without_tools_has_neither(agents: Path, deployment: Deployment) -> None:
    (agents / "plain.yaml").write_text("name: Plain\ninstructions: Help.\nmodel: m\n")
    found = deployment.equip("plain", None, "local")
    assert (found.gates, found.builtins) == ({}, frozenset())
    assert found.recorded == {
        "agent": "plain",
        "config": {
            "id": "plain",
            "name": "Plain",
            "instructions": "Help.",
            "model": "m",
            "max_tokens": 4096,
        },
        "config_hash": deployment.agents.get("plain", "local").config_hash,
        "skill": None,
    }
    assert deployment.equip_recorded(stored(found)) == found


def test_what_was_recorded_makes_the_same_again(deployment: Deployment) -> None:
    before = deployment.equip("support", "tone", "local")
    after = deployment.equip_recorded(stored(before))
    assert after.agent == before.agent
    assert told(after) == told(before)
    assert (after.gates, after.builtins) == (before.gates, before.builtins)
    assert (after.skill, after.recorded) == ("Be kind.", before.recorded)
    assert run(after, "pay", b=5) == "5"


def test_the_files_may_say_something_else_by_then(agents: Path, deployment: Deployment) -> None:
    recorded = stored(deployment.equip("support", "tone", "local"))
    rewrite(agents / "support.yaml", "name: Other\ninstructions: Dance.\n")
    rewrite(agents.parent / "library" / "skills" / "tone.md", "Be rude.")
    assert deployment.equip("support", None, "local").agent.instructions == "Dance."
    with pytest.raises(NotFound):
        deployment.equip("support", "tone", "local")
    after = deployment.equip_recorded(recorded)
    assert (after.agent.instructions, after.skill) == ("Help.", "Be kind.")
    assert (after.gates, len(after.tools)) == (GATES, 4)
    (agents / "support.yaml").unlink()
    assert deployment.equip_recorded(recorded) == after


def test_tools_are_made_once_until_their_files_change(agents: Path, deployment: Deployment) -> None:
    recorded = stored(deployment.equip("support", None, "local"))
    first = deployment.equip_recorded(recorded)
    assert deployment.equip_recorded(recorded).tools[0] is first.tools[0]
    rewrite(agents / "orders.py", ORDERS.replace("return b", "return 2 * b"))
    assert run(deployment.equip_recorded(recorded), "pay", b=5) == "10"


def test_only_some_toolboxes_are_kept(deployment: Deployment) -> None:
    recorded = stored(deployment.equip("support", None, "local"))
    first = deployment.equip_recorded(recorded).tools[0]
    others = [
        {**recorded, "config": {**recorded["config"], "instructions": f"Help {number}."}}
        for number in range(MAX_CACHED)
    ]
    for other in others[1:]:
        deployment.equip_recorded(other)
    assert deployment.equip_recorded(recorded).tools[0] is first
    for other in others:
        deployment.equip_recorded(other)
    assert deployment.equip_recorded(recorded).tools[0] is not first


def test_a_tool_that_is_gone_is_left_out(
    agents: Path, deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    recorded = stored(deployment.equip("support", None, "local"))
    rewrite(agents / "orders.py", ORDERS.replace("def pay", "def settle"))
    with caplog.at_level("WARNING", "parley"):
        after = deployment.equip_recorded(recorded)
    assert [tool.name for tool in after.tools] == ["find", "refund", "stock"]
    # What waits still needs what it needed.
    assert after.gates == GATES
    assert [vars(record)["tool"] for record in caplog.records] == ["pay"]
    (agents / "orders.py").unlink()
    after = deployment.equip_recorded(recorded)
    assert [tool.name for tool in after.tools] == ["refund", "stock"]
    (agents / "orders.py").write_text(ORDERS)
    assert len(deployment.equip_recorded(recorded).tools) == 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": None}, "It must be an object."),
        ({"config": {"id": "support"}}, '"name" is missing'),
        ({"skill": 5}, "Its skill is no text."),
        ({"config": {"id": "a", "name": "A", "instructions": "I", "model": "m", "n": 1}}, '"n" is'),
    ],
)
def test_what_cannot_be_read_is_refused(
    deployment: Deployment, changes: dict[str, Any], said: str
) -> None:
    recorded = {**stored(deployment.equip("support", None, "local")), **changes}
    with pytest.raises(ConfigurationError) as caught:
        deployment.equip_recorded(recorded)
    assert said in caught.value.message
    assert 'of the agent "support" that this release cannot read' in caught.value.message


def test_nothing_at_all_is_refused_too(deployment: Deployment) -> None:
    with pytest.raises(ConfigurationError):
        deployment.equip_recorded({})
