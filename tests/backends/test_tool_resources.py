"""Tools that agents share: named in a configuration, defined beside it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shared.backends.configured import ConfiguredAgents
from shared.errors import ConfigurationError
from tests.backends.outages import CACHE, FIND, SHOP, TENANT, Backend, Start
from tests.support.clock import FakeClock
from tests.support.local_agents import local_agents

ORDERS = 'def find(a: int) -> int:\n    """Find it."""\n    return a\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "agents"
    (found / "tools").mkdir(parents=True)
    (found / "orders.py").write_text(ORDERS)
    (found / "shop.yaml").write_text(
        "name: Shop\ninstructions: Sell.\ntools:\n  - resource: find\n    approval: required\n"
    )
    (found / "tools" / "find.yaml").write_text("python: orders:find\nrepeatable: true\n")
    return found


@pytest.fixture
def agents(folder: Path) -> ConfiguredAgents:
    return local_agents(folder, "m", library=folder)


def test_it_stands_in_the_place_of_its_name(agents: ConfiguredAgents) -> None:
    found = agents.equipped("shop", TENANT)
    [spec], [tool] = found.agent.tools, found.toolbox
    assert (spec.python, spec.repeatable, tool.name) == ("orders:find", True, "find")
    assert spec.approval is not None, "what stands beside the name counts too"


def test_what_stands_beside_its_name_counts_more(folder: Path, agents: ConfiguredAgents) -> None:
    (folder / "tools" / "find.yaml").write_text(
        "python: orders:find\nname: seek\nrepeatable: true\ntimeout_sec: 5\n"
    )
    (folder / "shop.yaml").write_text(
        "name: Shop\ninstructions: Sell.\n"
        "tools: [{resource: find, name: look, repeatable: false}, {resource: find}]\n"
    )
    look, seek = agents.get("shop", TENANT).tools
    assert (look.name, look.repeatable, look.timeout_sec) == ("look", False, 5)
    assert (seek.name, seek.repeatable, seek.timeout_sec) == ("seek", True, 5)


def test_a_change_of_it_is_seen(folder: Path, agents: ConfiguredAgents) -> None:
    first = agents.equipped("shop", TENANT)
    assert agents.equipped("shop", TENANT).toolbox is first.toolbox
    path = folder / "tools" / "find.yaml"
    path.write_text("python: orders:find\ndescription: Seek it.\n")
    os.utime(path, ns=(1, 1))
    [tool] = agents.equipped("shop", TENANT).toolbox
    assert tool.description == "Seek it."


def test_a_change_of_it_in_a_backend_is_seen(
    start: Start, backend: Backend, clock: FakeClock
) -> None:
    backend.configs["shop"] = {**SHOP, "tools": [{"resource": "find"}]}
    backend.tools["find"] = FIND
    process = start()
    process.name()
    backend.tools["find"] = {**FIND, "description": "Seek it."}
    clock.advance(CACHE)
    [tool] = process.agents.equipped("shop", TENANT).toolbox
    assert tool.description == "Seek it."


@pytest.mark.parametrize(
    ("entry", "definition", "said"),
    [
        (
            {"resource": "gone"},
            "python: orders:find",
            '"tools.0.resource" names "gone", and there is no such tool resource.',
        ),
        ({"resource": 5}, "", '"tools.0.resource" must be the id of a tool resource.'),
        ({"resource": "../x"}, "", '"tools.0.resource" must be up to 128 letters'),
        (
            {"resource": "find"},
            "resource: find",
            '"tools.0" may not name a resource in its turn; this is the tool resource "find".',
        ),
        (
            {"resource": "find"},
            "python: orders:seek",
            '"tools.0.python" names the function "seek", which orders.py does not have; this is',
        ),
        (
            {"resource": "find"},
            "python: orders:find\nrepeatable: 5",
            '"tools.0.repeatable" must be true or false; this is the tool resource "find".',
        ),
        (
            {"resource": "find", "python": "orders:find"},
            "name: find\nhttp: {url: 'https://example.com'}",
            '"tools.0" must have exactly one of python, http, lambda and builtin',
        ),
    ],
)
def test_the_place_and_the_reason(
    folder: Path, agents: ConfiguredAgents, entry: dict[str, Any], definition: str, said: str
) -> None:
    (folder / "tools" / "find.yaml").write_text(definition)
    # JSON is YAML.
    (folder / "shop.yaml").write_text(
        f"name: Shop\ninstructions: Sell.\ntools:\n  - {json.dumps(entry)}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        agents.get("shop", TENANT)
    assert caught.value.message.startswith(f"agents/shop.yaml, line 4: {said}")


def test_a_file_of_it_that_cannot_be_read(folder: Path, agents: ConfiguredAgents) -> None:
    (folder / "tools" / "find.yaml").write_text("name: A: B\n")
    with pytest.raises(ConfigurationError, match=r"^agents/tools/find\.yaml, line 1: "):
        agents.get("shop", TENANT)


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([{"resource": "find"}] * 65, '"tools" may have at most 64 entries; remove some.'),
        ("find", '"tools" must be a list'),
        ({"resource": "find"}, '"tools" must be a list'),
        (["find"], '"tools.0" must be an object'),
    ],
)
def test_what_is_no_list_of_tools(start: Start, backend: Backend, tools: object, said: str) -> None:
    backend.configs["shop"] = {**SHOP, "tools": tools}
    with pytest.raises(ConfigurationError) as caught:
        start().name()
    assert caught.value.message.startswith(f'agent "shop" of the backend: {said}')
    assert backend.asked["find"] == 0
