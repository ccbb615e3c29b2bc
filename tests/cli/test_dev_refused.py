"""`parley dev` when it cannot start: one line that says why, and exit code 1."""

import socket
from pathlib import Path

import pytest

from tests.cli.commands import one_line, parley
from tests.faults.dev_process import DevProcess, free_port

AGENT = "name: Broken\ninstructions: Be kind.\nmax_tokens: many\n"


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = one_line(parley("dev", "--port", port, folder=tmp_path))

    assert port in said
    assert "in use" in said


@pytest.mark.parametrize(
    ("text", "line"),
    [(AGENT, 3), ("name: Broken\ninstructions: Be kind.\n\ntools: [search]\n", 4), ("a: [", 1)],
)
def test_an_agent_file_that_is_not_valid(tmp_path: Path, text: str, line: int) -> None:
    folder = tmp_path / "agents"
    folder.mkdir()
    (folder / "broken.yaml").write_text(text)
    port = str(free_port())

    variables = {"ASSISTANT_LOCAL_CONFIG_DIR": str(folder)}
    said = one_line(parley("dev", "--port", port, folder=tmp_path, **variables))

    assert f"agents/broken.yaml, line {line}: " in said


def test_a_folder_of_agents_that_is_not_there(tmp_path: Path) -> None:
    variables = {"ASSISTANT_LOCAL_CONFIG_DIR": str(tmp_path / "none")}
    said = one_line(parley("dev", "--port", str(free_port()), folder=tmp_path, **variables))

    assert "ASSISTANT_LOCAL_CONFIG_DIR" in said


def test_a_setting_without_meaning_is_named_and_its_value_is_not_shown(tmp_path: Path) -> None:
    said = one_line(parley("dev", folder=tmp_path, SIGNING_SECRET="short", LOG_LEVEL="INFO"))

    assert "SIGNING_SECRET" in said
    assert "short" not in said


def test_settings_for_aws(tmp_path: Path) -> None:
    variables = {
        "TABLE_NAME": "parley",
        "BUCKET_NAME": "parley",
        "QUEUE_URL": "https://sqs.example/parley",
        "CONNECTIONS_URL": "https://connections.example/prod",
    }
    assert "TABLE_NAME" in one_line(parley("dev", folder=tmp_path, **variables))


def test_a_workspace_that_cannot_be_written(tmp_path: Path) -> None:
    """It is not the port that is wrong then."""
    file = tmp_path / "workspace"
    file.write_text("a file, not a folder")

    said = one_line(parley("dev", "--port", str(free_port()), folder=tmp_path))

    assert str(file) in said
    assert "WORKSPACE_BASE" in said
    assert "listen" not in said


def test_a_second_one_in_the_same_workspace(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    with DevProcess(workspace):
        said = one_line(parley("dev", "--port", str(free_port()), folder=tmp_path))

    assert str(workspace) in said
    assert "WORKSPACE_BASE" in said
