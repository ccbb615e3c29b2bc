"""Agents with tools and skills from files: given out together, or refused with file and line."""

import os
from pathlib import Path

import pytest

from shared.backends.configured import ConfiguredAgents
from shared.errors import ConfigurationError, NotFound
from shared.ids import agent_uuid
from shared.tools.port import ToolFault
from tests.support.local_agents import local_agents
from tests.tools.calls import context

ROOT = Path(__file__).resolve().parents[2]
GOOD = (
    "name: Support\ninstructions: Help.\nskills: [tone, brief]\ntools:\n  - python: orders:find\n"
)
FIND = 'def find(a: int) -> int:\n    """Find it."""\n    return a\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "agents"
    found.mkdir()
    (found / "support.yaml").write_text(GOOD)
    (found / "orders.py").write_text(FIND)
    (tmp_path / "library" / "skills").mkdir(parents=True)
    (tmp_path / "library" / "skills" / "tone.md").write_text("Be kind.")
    (tmp_path / "library" / "skills" / "brief.md").write_text("Be brief.")
    return found


@pytest.fixture
def agents(folder: Path) -> ConfiguredAgents:
    return local_agents(folder, "m", library=folder.parent / "library")


def rewrite(path: Path, text: str) -> None:
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 1, before + 1))


def answer(agents: ConfiguredAgents) -> str:
    [tool] = agents.equipped("support", "local").toolbox
    return str(tool.run({"a": 5}, context()))


def test_an_agent_with_its_tools_and_skills(agents: ConfiguredAgents) -> None:
    found = agents.equipped("support", "local")
    assert found.agent == agents.get("support", "local")
    assert [tool.name for tool in found.toolbox] == ["find"]
    assert list(found.skills.items()) == [("tone", "Be kind."), ("brief", "Be brief.")]
    assert answer(agents) == "5"
    assert agents.equipped(agent_uuid("support"), "local").agent is found.agent
    with pytest.raises(NotFound):
        agents.equipped("nobody", "local")


def test_an_agent_without_any(folder: Path, agents: ConfiguredAgents) -> None:
    (folder / "plain.yaml").write_text("name: Plain\ninstructions: Help.\n")
    found = agents.equipped("plain", "local")
    assert (list(found.toolbox), found.skills) == ([], {})


def test_tools_are_made_once(agents: ConfiguredAgents) -> None:
    assert (
        agents.equipped("support", "local").toolbox is agents.equipped("support", "local").toolbox
    )


def test_a_change_of_each_file_is_seen(folder: Path, agents: ConfiguredAgents) -> None:
    assert answer(agents) == "5"
    rewrite(folder / "orders.py", FIND.replace("return a", "return 2 * a"))
    assert answer(agents) == "10"
    rewrite(folder / "support.yaml", GOOD + "    description: Seek it.\n")
    assert [tool.description for tool in agents.equipped("support", "local").toolbox] == [
        "Seek it."
    ]
    rewrite(folder.parent / "library" / "skills" / "tone.md", "Be calm.")
    assert agents.equipped("support", "local").skills["tone"] == "Be calm."


def test_a_tool_that_breaks_and_is_mended(folder: Path, agents: ConfiguredAgents) -> None:
    agents.get("support", "local")
    rewrite(folder / "orders.py", "def find(:\n")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"orders\.py, line 1: invalid syntax"):
            agents.get("support", "local")
    rewrite(folder / "orders.py", FIND)
    assert agents.get("support", "local").id == "support"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            GOOD + "  - python: orders:seek\n",
            6,
            '"tools.1.python" names the function "seek", which orders.py does not have.',
        ),
        (GOOD + "  - python: orders:find\n", 6, '"tools.1" has the name "find" as tools.0 has'),
        (
            GOOD + "  - name: far\n    description: F.\n    parameters: {type: array}\n"
            "    http: {url: 'https://example.com'}\n",
            8,
            '"tools.1.parameters" must have type: object at its top.',
        ),
        (
            GOOD + "  - name: far\n    description: F.\n    parameters: {type: object}\n"
            "    http: {url: 'https://example.com'}\n",
            9,
            '"tools.1.http" must not be used here.',
        ),
        (
            GOOD + "confirm_tools:\n  - find\n  - pay_*\n",
            8,
            '"confirm_tools.1" has "pay_*", which matches no tool of this agent; there are find.',
        ),
        (
            "name: A\ninstructions: I\nskills:\n  - tone\n  - nowhere\n",
            5,
            '"skills.1" names a skill without a file; add skills/nowhere.md in the library',
        ),
    ],
)
def test_the_file_the_line_and_the_reason(
    folder: Path, agents: ConfiguredAgents, text: str, line: int, said: str
) -> None:
    (folder / "bad.yaml").write_text(text)
    for ask in (
        lambda: agents.get("bad", "local"),
        lambda: agents.equipped("bad", "local"),
        lambda: agents.list("local"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            ask()
        assert caught.value.message.startswith(f"agents/bad.yaml, line {line}: ")
        assert said in caught.value.message
        assert str(folder) not in caught.value.message
    assert agents.get("support", "local").id == "support"


def test_a_process_that_runs_no_turns_loads_no_code(folder: Path) -> None:
    (folder / "orders.py").write_text("raise RuntimeError\n")
    agents = local_agents(folder, "m")
    assert agents.get("support", "local").skills == ("tone", "brief")
    with pytest.raises(ConfigurationError, match="tools of agents cannot be loaded"):
        agents.equipped("support", "local")
    rewrite(folder / "support.yaml", "name: A\ninstructions: I\nskills: [tone]\n")
    with pytest.raises(ConfigurationError, match="skills of agents cannot be read"):
        agents.equipped("support", "local")


# -- the agents that come with Parley -----------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> ConfiguredAgents:
    return local_agents(ROOT / "agents", "m", library=ROOT / "library")


def test_they_are_valid(shipped: ConfiguredAgents) -> None:
    assert {"assistant", "planner", "shop"} <= {agent.id for agent in shipped.list("local")}
    assert list(shipped.equipped("assistant", "local").toolbox) == []


@pytest.mark.parametrize(
    ("agent", "tool", "arguments", "said"),
    [
        ("shop", "find_order", {"order_id": "#1042"}, '"state":"shipped"'),
        ("shop", "list_orders", {"customer": "ada", "state": "shipped"}, '"order_id":"1040"'),
        ("planner", "calculate", {"expression": "-0.1 - 0.2 * (3 // 2) % 4"}, "-0.3"),
        ("planner", "days_between", {"start": "2026-01-31", "end": "2026-01-01"}, "-30"),
        ("planner", "add_days", {"start": "2024-02-28", "days": 1}, '"weekday":"Thursday"'),
    ],
)
def test_their_tools_work(
    shipped: ConfiguredAgents, agent: str, tool: str, arguments: dict[str, object], said: str
) -> None:
    [found] = [each for each in shipped.equipped(agent, "local").toolbox if each.name == tool]
    assert found.repeatable
    assert said in str(found.run(arguments, context()))


@pytest.mark.parametrize(
    ("agent", "tool", "arguments", "said"),
    [
        ("shop", "find_order", {"order_id": "9"}, "There is no order 9."),
        ("planner", "calculate", {"expression": "1 / 0"}, "That divides by zero."),
        ("planner", "calculate", {"expression": "1e308 * 10"}, "That cannot be calculated."),
        ("planner", "calculate", {"expression": "2 +"}, "That cannot be calculated."),
        ("planner", "calculate", {"expression": "exit()"}, "That cannot be calculated."),
        ("planner", "calculate", {"expression": "9 ** 9"}, "That cannot be calculated."),
        ("planner", "calculate", {"expression": "True + 1"}, "That cannot be calculated."),
        ("planner", "add_days", {"start": "9999-12-31", "days": 1}, "outside the years 1 to 9999"),
    ],
)
def test_their_tools_say_what_does_not_work(
    shipped: ConfiguredAgents, agent: str, tool: str, arguments: dict[str, object], said: str
) -> None:
    [found] = [each for each in shipped.equipped(agent, "local").toolbox if each.name == tool]
    with pytest.raises(ToolFault, match=said):
        found.run(arguments, context())
