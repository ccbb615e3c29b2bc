"""Agents from YAML files, and what is said about files that are not valid."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backends.configured import ConfiguredAgents
from shared.backends.yaml_control_plane import MAX_BYTES
from shared.backends.yaml_text import BadYaml, Document
from shared.errors import ConfigurationError, NotFound
from shared.ids import agent_uuid
from tests.support.local_agents import local_agents

ROOT = Path(__file__).resolve().parents[2]
GOOD = "name: Support\ninstructions: |\n  Help.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "agents"
    found.mkdir()
    (found / "support.yaml").write_text(GOOD)
    return found


@pytest.fixture
def agents(folder: Path) -> ConfiguredAgents:
    return local_agents(folder, "the-default")


def refusal(folder: Path, text: str | bytes) -> str:
    path = folder / "bad.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigurationError) as caught:
        local_agents(folder, "m").get("bad", "local")
    assert str(folder) not in caught.value.message
    return caught.value.message


def test_an_agent_by_its_name(agents: ConfiguredAgents) -> None:
    agent = agents.get("support", "local")
    assert (agent.id, agent.name, agent.instructions) == ("support", "Support", "Help.\n")
    assert agent.model == "the-default"


def test_an_agent_by_its_uuid_on_the_wire(agents: ConfiguredAgents) -> None:
    assert agents.get(agent_uuid("support"), "local") == agents.get("support", "local")
    assert agents.get(agent_uuid("support").upper(), "local") == agents.get("support", "local")


def test_an_agent_whose_name_is_a_uuid(folder: Path, agents: ConfiguredAgents) -> None:
    name = "11111111-1111-1111-1111-11111111111A"
    (folder / f"{name}.yaml").write_text(GOOD)
    assert agents.get(name, "local").id == agents.get(name.lower(), "local").id == name


@pytest.mark.parametrize(
    "agent_id",
    [
        "nobody",
        "",
        "Support",
        "support.yaml",
        "../agents/support",
        "./support",
        "/etc/passwd",
        "support\u0000",
        "x" * 5000,
        agent_uuid("nobody"),
    ],
)
def test_there_is_no_other_agent(agents: ConfiguredAgents, agent_id: str) -> None:
    with pytest.raises(NotFound) as caught:
        agents.get(agent_id, "local")
    assert caught.value.error_code == "AGENT_NOT_FOUND"
    assert caught.value.message == "There is no such agent."


def test_nothing_outside_the_folder_is_an_agent(folder: Path, agents: ConfiguredAgents) -> None:
    (folder.parent / "secret.yaml").write_text(GOOD)
    with pytest.raises(NotFound):
        agents.get("../secret", "local")


def test_all_agents(folder: Path, agents: ConfiguredAgents) -> None:
    (folder / "a.b-c_d.yaml").write_text(GOOD)
    (folder / "orders.py").write_text("")
    (folder / ".hidden.yaml").write_text("no")
    (folder / "knowledge.yaml").mkdir()
    assert [agent.id for agent in agents.list("local")] == ["a.b-c_d", "support"]


def test_files_are_read_again_when_they_change(folder: Path, agents: ConfiguredAgents) -> None:
    path = folder / "support.yaml"
    first = agents.get("support", "local")
    assert agents.get("support", "local") is first
    path.write_text(GOOD.replace("Support", "Desk"))
    os.utime(path, ns=(1, 1))
    assert agents.get("support", "local").name == "Desk"
    path.unlink()
    with pytest.raises(NotFound):
        agents.get("support", "local")


def test_the_agents_that_come_with_parley() -> None:
    agents = local_agents(ROOT / "agents", "m").list("local")
    assert "assistant" in [agent.id for agent in agents]


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "must have fields"),
        ("# nothing\n", 1, "must have fields"),
        ("- a\n- b\n", 1, "must have fields"),
        ("just text", 1, "must have fields"),
        ("name: A\ninstructions: I\n\ncolour: red\n", 4, '"colour" is not a known field'),
        ("name: A\ninstructions: I\nmax_tokens: many\n", 3, '"max_tokens" must be a whole'),
        ("name: 5\ninstructions: I\n", 1, '"name" must be a text'),
        ("name: 2024-01-01\ninstructions: I\n", 1, '"name" must be a text'),
        ("name: A\n", 1, '"instructions" is missing'),
        (GOOD + "origins:\n  - https://x.org\n  - nowhere!\n", 6, '"origins.1" must be origins'),
        (GOOD + "5: x\n", 4, '"5" is not a known field'),
        (GOOD + "name: B\n", 4, '"name" stands here a second time'),
        (GOOD + "a: {b: 1, b: 2}\n", 4, '"b" stands here a second time'),
        (GOOD + "? [a, b]\n: x\n", 4, "the name of a field must be a text"),
        ("name: A\n\ninstructions: *n\n", 3, "aliases are not supported"),
        ("name: A\nnope\n", 2, "this is no field; write it as name: value"),
        ("name: A: B\n", 1, "a colon cannot stand here"),
        ("name: A\n\tx: 1\n", 2, "a tab cannot indent"),
        ("name: 'A\n\n", 1, "the quote that opens here is never closed"),
        ("name: !!python/object:os.system A\n", 1, "tags are not supported"),
        ("name: A\n---\nname: B\n", 2, "a second document begins here"),
        ("name: A\ninstructions: \x07\n", 2, "a character that YAML does not allow"),
        ("name: 2024-13-45\n", 1, "a date that does not exist"),
        ("name: " + "[" * 5000, 1, "nested more than 64 levels deep"),
        (b"name: A\ninstructions: \xff\n", 2, "is not UTF-8"),
    ],
)
def test_the_file_the_line_and_the_reason(
    folder: Path, text: str | bytes, line: int, said: str
) -> None:
    message = refusal(folder, text)
    assert message.startswith(f"agents/bad.yaml, line {line}: ")
    assert said in message
    assert message.endswith(".")


def test_large_files(folder: Path) -> None:
    assert refusal(folder, GOOD + "#" * MAX_BYTES) == "agents/bad.yaml: larger than 256 KB."


@pytest.mark.parametrize("name", ["with space.yaml", "-dash.yaml", "ümlaut.yaml", "x" * 129])
def test_names_that_nobody_could_ask_for(folder: Path, agents: ConfiguredAgents, name: str) -> None:
    path = folder / name.removesuffix(".yaml")
    path.with_name(path.name + ".yaml").write_text(GOOD)
    with pytest.raises(ConfigurationError, match="the name of the file is the agent's id"):
        agents.list("local")


def test_the_other_suffix(folder: Path, agents: ConfiguredAgents) -> None:
    (folder / "sales.yml").write_text(GOOD)
    with pytest.raises(ConfigurationError, match=r"agents/sales.yml: its name must end in .yaml"):
        agents.list("local")
    assert agents.get("support", "local").id == "support", "a stray file stops nobody else"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Set ASSISTANT_LOCAL_CONFIG_DIR"):
        local_agents(tmp_path / "nowhere", "m").list("local")


def test_a_link_that_leads_nowhere_is_no_agent(folder: Path, agents: ConfiguredAgents) -> None:
    (folder / "loop.yaml").symlink_to(folder / "loop.yaml")
    assert [agent.id for agent in agents.list("local")] == ["support"]


@given(st.text(max_size=200) | st.text(st.sampled_from("a:- \n[]{}&*!|>'\"#?,"), max_size=60))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    refused = None
    try:
        Document(text)
    except BadYaml as fault:
        refused = fault
    assert refused is None or 1 <= refused.line <= len(text) + 2
