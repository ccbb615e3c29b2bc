"""Which control plane a deployment has, by its settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.backends.http_control_plane import HttpControlPlane
from shared.backends.yaml_control_plane import YamlControlPlane
from shared.errors import ServiceUnavailable
from shared.settings import Settings
from shared.wiring import Deployment
from tests.support.reference_backend import ReferenceBackend

TOKEN = "the-token-of-the-backend"
SHOP = {"name": "Shop", "instructions": "Sell.", "skills": ["tone"]}


@contextmanager
def deployed(folder: Path, **variables: str) -> Iterator[Deployment]:
    agents = folder / "agents"
    agents.mkdir(exist_ok=True)
    (agents / "local.yaml").write_text("name: Local\ninstructions: Help.\n")
    skills = folder / "library" / "skills"
    skills.mkdir(parents=True, exist_ok=True)
    (skills / "tone.md").write_text("Be kind.")
    made = {
        "WORKSPACE_BASE": str(folder),
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
        "LIBRARY_DIR": str(folder / "library"),
        **variables,
    }
    deployment = Deployment(Settings.load(made, loopback=True))
    try:
        yield deployment
    finally:
        deployment.close()


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with ReferenceBackend(token=TOKEN) as running:
        running.books.put_agent("shop", SHOP)
        yield running


def test_without_a_backend_the_files_count(tmp_path: Path) -> None:
    for more in ({}, {"BACKEND_MODE": "disabled", "BACKEND_URL": "http://127.0.0.1:1"}):
        with deployed(tmp_path, **more) as deployment:
            assert isinstance(deployment.control_plane, YamlControlPlane)
            assert [agent.id for agent in deployment.agents.list("local")] == ["local"]


@pytest.mark.parametrize("mode", ["auto", "http"])
def test_with_a_backend_its_agents_count(
    tmp_path: Path, backend: ReferenceBackend, mode: str
) -> None:
    variables = {"BACKEND_MODE": mode, "BACKEND_URL": backend.url, "BACKEND_TOKEN": TOKEN}
    with deployed(tmp_path, **variables) as deployment:
        assert isinstance(deployment.control_plane, HttpControlPlane)
        assert [agent.id for agent in deployment.agents.list("local")] == ["shop"]
        found = deployment.equipped_agents.equipped("shop", "local")
        assert dict(found.skills) == {"tone": "Be kind."}
        assert {seen.headers["x-parley-tenant"] for seen in backend.requests} == {"local"}


def test_a_deployment_that_begins_in_an_outage(tmp_path: Path, backend: ReferenceBackend) -> None:
    variables = {"BACKEND_URL": backend.url, "BACKEND_TOKEN": TOKEN}
    with deployed(tmp_path, **variables) as first:
        first.agents.get("shop", "local")
    backend.stop()
    with deployed(tmp_path, **variables) as second:
        assert second.equip("shop", "tone", "local").skill == "Be kind."
        with pytest.raises(ServiceUnavailable):
            second.agents.get("local", "local")


def test_a_token_that_is_wrong_stops_no_agent_that_runs(
    tmp_path: Path, backend: ReferenceBackend, caplog: pytest.LogCaptureFixture
) -> None:
    with deployed(tmp_path, BACKEND_URL=backend.url, BACKEND_TOKEN=TOKEN) as first:
        first.agents.get("shop", "local")
    with deployed(tmp_path, BACKEND_URL=backend.url, BACKEND_TOKEN="another-one") as second:
        assert second.agents.get("shop", "local").name == "Shop"
    [said] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert vars(said)["reason"] == "GET /assistants/{id}/config: status 401 (UNAUTHORIZED)"
    assert "another-one" not in caplog.text
