"""`parley delete` and `parley export`, against the product."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shared.cli.main import main
from tests.support.deployments import SERVICE_TOKEN, TOKEN, Running, local_set
from tests.support.messages_api import ScriptedMessagesApi, Step

NEVER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    # So that what waits for the end of a lease does not take half a minute.
    settings = {**TOKEN, "LEASE_SEC": "6", "HEARTBEAT_SEC": "2"}
    with (
        ScriptedMessagesApi(reply=lambda _request: Step(tokens=("Hello!",))) as api,
        local_set(tmp_path / "work", api.base_url, settings) as made,
    ):
        yield made


def run(running: Running, *words: str) -> Result:
    runner = CliRunner(env={"PARLEY_TOKEN": SERVICE_TOKEN})
    return runner.invoke(main, [*words, "--api", running.url], prog_name="parley")


def talked(running: Running, person: str = "ann") -> str:
    """A conversation of this person."""
    body = json.dumps({"agent_id": "assistant", "message": "Hi"}).encode()
    headers = {
        "Authorization": f"Bearer {SERVICE_TOKEN}",
        "X-On-Behalf-Of": person,
        "Content-Type": "application/json",
    }
    url = f"{running.url}/executor/turns"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        assert answer.status == 200
    request = urllib.request.Request(f"{running.url}/conversations", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)[0]["conversation_id"])


def test_export_then_delete(running: Running, tmp_path: Path) -> None:
    conversation = talked(running)
    folder = tmp_path / "out"
    exported = run(running, "export", "--user", "ann", "--output", str(folder))
    assert exported.exit_code == 0, exported.output
    [file] = list(folder.iterdir())
    assert file.name == f"{conversation}.jsonl"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [each["type"] for each in lines] == ["conversation", "message", "message"]
    assert [each["text"] for each in lines[1:]] == ["Hi", "Hello!"]
    deleted = run(running, "delete", "--user", "ann", "--yes", "--no-wait", "--json")
    assert deleted.exit_code == 0, deleted.output
    assert json.loads(deleted.stdout)["status"] == "deleting"


def test_a_conversation_is_waited_for(running: Running) -> None:
    conversation = talked(running)
    deleted = run(running, "delete", "--conversation", conversation, "--yes")
    assert deleted.exit_code == 0, deleted.output
    assert deleted.stdout.startswith("deleted\tdel_")
    again = run(running, "delete", "--conversation", conversation, "--yes")
    assert again.exit_code == 1
    assert "There is no such conversation" in again.output


def test_what_a_server_without_users_gives_out_is_nobodys(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with (
        ScriptedMessagesApi(reply=lambda _request: Step(tokens=("Hello!",))) as api,
        local_set(tmp_path / "work", api.base_url) as running,
    ):
        conversation = talked(running)
        for words in ([], ["--conversation", conversation]):
            refused = run(running, "export", "--user", "bob", "--output", str(folder), *words)
            assert refused.exit_code == 1
            assert "what local has, not what bob has" in refused.stderr
            assert "AUTH_MODE=none" in refused.stderr
            assert not folder.exists()
        for words in ([], ["--user", "local"]):
            done = run(running, "export", "--output", str(folder), *words)
            assert done.exit_code == 0, done.output
    assert [each.name for each in folder.iterdir()] == [f"{conversation}.jsonl"]


def test_a_user_of_any_letters(running: Running, tmp_path: Path) -> None:
    conversation = talked(running, "Zoë".encode().decode("latin-1"))
    folder = tmp_path / "out"
    done = run(running, "export", "--user", "Zoë", "--output", str(folder))
    assert done.exit_code == 0, done.output
    assert [each.name for each in folder.iterdir()] == [f"{conversation}.jsonl"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["delete", "--yes"], "Say what to delete"),
        (["delete", "--user", "a", "--tenant", "b", "--yes"], "Say what to delete"),
        (["delete", "--user", "a", "--idle-days", "3", "--yes"], "goes with --tenant"),
        (["delete", "--conversation", NEVER], "Delete conversation"),
        (["delete", "--conversation", NEVER, "--yes"], "no such conversation"),
        (["delete", "--tenant", "nowhere", "--yes"], "no such tenant"),
        (["export", "--conversation", "../x"], "must be the id of a conversation"),
        (["export", "--conversation", NEVER], "no such conversation"),
        (["export", "--user", ""], "--user must be a name"),
    ],
)
def test_what_is_refused(running: Running, tmp_path: Path, words: list[str], said: str) -> None:
    output = ["--output", str(tmp_path / "out")] if words[0] == "export" else []
    refused = run(running, *words, *output)
    assert refused.exit_code == 1
    assert said.casefold() in refused.output.casefold()
