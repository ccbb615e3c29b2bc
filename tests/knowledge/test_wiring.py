"""Which agent looks things up where."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.backends.knowledge_search import BackendKnowledge
from shared.errors import ConfigurationError
from shared.knowledge.bedrock import BedrockKnowledge
from shared.knowledge.shelf import Shelf
from shared.settings import Settings
from shared.wiring import Deployment
from shared.wiring.knowledge import MAX_SHELVES
from tests.knowledge.support import ANN, ids, write

AGENT = "name: A\ninstructions: Help.\nmodel: m\n"
FILES = {
    "plain.yaml": AGENT,
    "one.yaml": AGENT + "knowledge: {documents: docs/help, top_k: 5}\n",
    "two.yaml": AGENT
    + "knowledge: {documents: docs/help/}\ntools: [{builtin: knowledge_search}]\n",
    "backend.yaml": AGENT + "knowledge: {id: handbook}\n",
    "bedrock.yaml": AGENT + "knowledge: {bedrock: ABCDE12345}\n",
    "docs/help/a.md": "A lamp.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "agents", FILES)


@pytest.fixture
def deployment(folder: Path) -> Iterator[Deployment]:
    variables = {
        "ASSISTANT_LOCAL_CONFIG_DIR": str(folder),
        "WORKSPACE_BASE": str(folder.parent / "workspace"),
        "KNOWLEDGE_REFRESH_SEC": "0",
    }
    made = Deployment(Settings.load(variables, loopback=True))
    yield made
    made.close()


def test_an_agent_without_knowledge_has_none(deployment: Deployment) -> None:
    found = deployment.equip("plain", None, "local")
    assert (found.knowledge, found.tools, found.top_k) == (None, (), 0)


def test_agents_that_name_the_same_documents_share_an_index(deployment: Deployment) -> None:
    one, two = (deployment.equip(name, None, "local") for name in ("one", "two"))
    assert isinstance(one.knowledge, Shelf)
    assert one.knowledge is two.knowledge
    assert (one.top_k, two.top_k) == (5, 3)
    assert [tool.name for tool in one.tools] == []
    assert [tool.name for tool in two.tools] == ["knowledge_search"]


def test_documents_are_looked_at_again(deployment: Deployment, folder: Path) -> None:
    knowledge = deployment.equip("one", None, "local").knowledge
    assert knowledge is not None
    assert ids(knowledge.search("lamp", reader=ANN, limit=3)) == ["a.md"]
    write(folder, {"docs/help/b.md": "Another lamp."})
    assert sorted(ids(knowledge.search("lamp", reader=ANN, limit=3))) == ["a.md", "b.md"]


def test_a_turn_that_waited_looks_up_what_it_began_with(
    deployment: Deployment, folder: Path
) -> None:
    began = deployment.equip("two", None, "local")
    recorded = json.loads(json.dumps(began.recorded))
    write(folder, {"two.yaml": AGENT})
    again = deployment.equip_recorded(recorded)
    assert again.knowledge is began.knowledge
    assert again.top_k == 3
    assert [tool.name for tool in again.tools] == ["knowledge_search"]


def test_other_peoples_search(deployment: Deployment) -> None:
    backend = deployment.equip("backend", None, "local").knowledge
    assert isinstance(backend, BackendKnowledge)
    assert backend.search("lamp", reader=ANN, limit=3) == []
    bedrock = deployment.equip("bedrock", None, "local").knowledge
    assert isinstance(bedrock, BedrockKnowledge)


def test_of_very_many_places_the_oldest_is_forgotten(deployment: Deployment) -> None:
    first = deployment.shelf("docs/help")
    for number in range(MAX_SHELVES):
        deployment.shelf(f"docs/{number}")
    assert deployment.shelf("docs/help") is not first


def test_a_search_without_knowledge_is_refused_with_its_line(
    deployment: Deployment, folder: Path
) -> None:
    write(folder, {"bad.yaml": AGENT + "tools:\n  - builtin: knowledge_search\n"})
    with pytest.raises(ConfigurationError, match=r"agents/bad\.yaml, line 5: .*has no knowledge"):
        deployment.equip("bad", None, "local")
