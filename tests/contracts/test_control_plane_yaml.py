"""The contract of the control plane on files."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.backends.control_plane import NotThere
from shared.backends.yaml_control_plane import MAX_BYTES, YamlControlPlane
from shared.errors import ConfigurationError
from shared.protocol.faults import Fault
from tests.contracts.control_plane_contract import (
    FIND,
    SHOP,
    TENANT,
    AgentsContract,
    CallsContract,
    NothingContract,
)


class Files:
    """Writes files; each is younger than the last one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._age = 0

    def put_agent(self, agent_id: str, config: Mapping[str, Any] | None) -> None:
        self._put(self.folder / f"{agent_id}.yaml", config)

    def put_tool(self, tool_id: str, definition: Mapping[str, Any] | None) -> None:
        (self.folder / "tools").mkdir(exist_ok=True)
        self._put(self.folder / "tools" / f"{tool_id}.yaml", definition)

    def _put(self, path: Path, values: Mapping[str, Any] | None) -> None:
        if values is None:
            path.unlink()
            return
        # JSON is YAML.
        path.write_text(json.dumps(values))
        self._age += 1
        os.utime(path, ns=(self._age, self._age))


@pytest.fixture
def stage(tmp_path: Path) -> Files:
    folder = tmp_path / "agents"
    folder.mkdir()
    return Files(folder)


@pytest.fixture
def plane(stage: Files) -> YamlControlPlane:
    return YamlControlPlane(stage.folder)


class TestYaml(AgentsContract, CallsContract, NothingContract):
    pass


def test_strays_are_left_out_and_complained_of(stage: Files, plane: YamlControlPlane) -> None:
    stage.put_agent("shop", SHOP)
    plane.check()
    (stage.folder / "sales.yml").write_text("{}")
    assert list(plane.agents(tenant=TENANT, limit=10).ids) == ["shop"]
    with pytest.raises(ConfigurationError, match=r"agents/sales.yml: its name must end in .yaml"):
        plane.check()
    (stage.folder / "sales.yml").rename(stage.folder / "sa les.yaml")
    assert list(plane.agents(tenant=TENANT, limit=10).ids) == ["shop"]
    with pytest.raises(ConfigurationError, match=r"agents/sa les.yaml: the name of the file"):
        plane.check()


def test_a_place_is_a_file_and_a_line(stage: Files, plane: YamlControlPlane) -> None:
    (stage.folder / "shop.yaml").write_text("name: Shop\ntools:\n  - python: a:b\n")
    source = plane.agent("shop", tenant=TENANT).source
    assert source.where(Fault(("tools", 0, "python"), "is wrong")) == "agents/shop.yaml, line 3"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"name: [", "agents/tools/find.yaml, line 1: "),
        (b"- a\n", "agents/tools/find.yaml, line 1: the file must have fields, such as python:"),
        (b"name: \xff", "agents/tools/find.yaml, line 1: is not UTF-8."),
        (b"#" * (MAX_BYTES + 1), "agents/tools/find.yaml: larger than 256 KB."),
    ],
)
def test_a_tool_that_cannot_be_read(
    stage: Files, plane: YamlControlPlane, data: bytes, said: str
) -> None:
    stage.put_tool("find", FIND)
    (stage.folder / "tools" / "find.yaml").write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        plane.tool("find", tenant=TENANT)
    assert caught.value.message.startswith(said)


def test_a_file_in_the_place_of_the_folder_of_tools(stage: Files, plane: YamlControlPlane) -> None:
    (stage.folder / "tools").write_text("")
    with pytest.raises(NotThere):
        plane.tool("find", tenant=TENANT)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    plane = YamlControlPlane(tmp_path / "nowhere")
    for ask in (
        plane.check,
        lambda: plane.agent("shop", tenant=TENANT),
        lambda: plane.agents(tenant=TENANT, limit=1),
    ):
        with pytest.raises(ConfigurationError, match="Set ASSISTANT_LOCAL_CONFIG_DIR"):
            ask()
