"""`parley deliveries`, against the product."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shared.cli import deliveries
from shared.cli.main import main
from shared.ids import new_id, pack
from shared.mailbox.box import BoxKey
from shared.mailbox.deliveries import KIND, delivery, delivery_id
from tests.cli.commands import ROOT
from tests.mailbox.sink import Sink, listening
from tests.support.deployments import SERVICE_TOKEN, TOKEN, Running, local_set

NOBODY = "http://127.0.0.1:1"
SETTINGS = {**TOKEN, "ALLOW_PRIVATE_ADDRESSES": "true"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with local_set(tmp_path, NOBODY, SETTINGS) as made:
        yield made


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


def died(running: Running, count: int = 1, url: str = f"{NOBODY}/?key=secret") -> list[str]:
    """The ids of callbacks that have died, the latest first."""
    made = []
    deployment = running.deployment
    for _ in range(count):
        box = BoxKey(KIND, deployment.settings.service_tenant, new_id())
        queued = delivery(deployment.requests, box, url, '{"n": 1}', deployment.clock)
        deployment.table.write(queued.overflow)
        [item] = deployment.table.query(box.partition).items
        made.append((item.attrs["listed_at"], item.key, delivery_id(box, item.key.sk)))
    return [each[-1] for each in sorted(made, reverse=True)]


def run(running: Running, *arguments: str, token: str | None = SERVICE_TOKEN) -> Result:
    variables = {"PARLEY_TOKEN": token}
    words = ["deliveries", *arguments, "--api", running.url]
    return CliRunner(env=variables).invoke(main, words, prog_name="parley")


def rows(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split("\t") for line in result.stdout.splitlines()]


def failed(result: Result) -> str:
    """The one line that says why."""
    assert (result.exit_code, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


# -- listing ------------------------------------------------------------------------------------


def test_without_a_terminal_there_is_a_line_for_each(running: Running) -> None:
    made = died(running, 3)
    found = rows(run(running, "list"))
    assert [row[-1] for row in found] == made
    for row in found:
        assert (len(row), row[1], row[3], row[4]) == (6, "callback", "0", "mailbox full")
    assert "secret" not in str(found)


def test_without_a_command_it_lists(running: Running) -> None:
    made = died(running)
    words = ["deliveries", "--api", running.url, "--token", SERVICE_TOKEN, "--json"]
    result = CliRunner().invoke(main, words)
    [entry] = json.loads(result.stdout)
    assert entry["delivery_id"] == made[0]
    assert {*deliveries.COLUMNS} < {*entry}


def test_where_there_are_none_nothing_is_said(running: Running) -> None:
    assert rows(run(running, "list")) == []
    assert json.loads(run(running, "list", "--json").stdout) == []


@pytest.mark.parametrize("limit", [1, 3, 4, 5])
def test_it_goes_through_the_pages(
    running: Running, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = died(running, 4)
    monkeypatch.setattr(deliveries, "PAGE", 2)
    result = run(running, "list", "--limit", str(limit))
    assert [row[-1] for row in rows(result)] == made[:limit]
    assert bool(result.stderr) == (limit < 4)
    if result.stderr:
        assert "--limit" in result.stderr


# -- replaying ----------------------------------------------------------------------------------


def test_the_named_ones_are_delivered(running: Running, sink: Sink) -> None:
    made = died(running, 3, sink.url)
    result = run(running, "replay", *made[:2])
    assert rows(result) == [["queued", each] for each in made[:2]]
    running.settle()
    assert len(sink.received) == 2
    assert [row[-1] for row in rows(run(running, "list"))] == made[2:]


def test_all_of_them(running: Running, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PAGE", 2)
    made = died(running, 5, sink.url)
    result = run(running, "replay", "--all", "--json")
    # What died first goes first.
    queued = [{"delivery_id": each, "status": "queued"} for each in reversed(made)]
    assert json.loads(result.stdout) == queued
    running.settle()
    assert len(sink.received) == 5
    assert rows(run(running, "replay", "--all")) == []


def test_one_that_is_refused_does_not_keep_the_others_back(running: Running, sink: Sink) -> None:
    made = died(running, 1, sink.url)
    never = pack("dlv", KIND, "c", "DELIVERY#1")
    result = run(running, "replay", never, "what/ever?", *made)
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert [line.split("\t")[0] for line in lines] == ["refused", "refused", "queued"]
    assert lines[0].endswith("DELIVERY_NOT_FOUND: There is no such delivery.")
    result = run(running, "replay", never, "--json")
    [entry] = json.loads(result.stdout)
    assert (result.exit_code, entry["error"]["code"]) == (1, "DELIVERY_NOT_FOUND")


@pytest.mark.parametrize("words", [[], ["--all", "dlv_x"]])
def test_either_some_or_all(running: Running, words: list[str]) -> None:
    assert "--all" in failed(run(running, "replay", *words))


# -- who and where ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["list", "replay"])
def test_who_is_not_let_in_reads_why(running: Running, command: str) -> None:
    words = [command] + (["dlv_x"] if command == "replay" else [])
    without = failed(run(running, *words, token=None))
    wrong = failed(run(running, *words, token="another-token"))
    assert "PARLEY_TOKEN" in without
    assert "does not accept this token" in wrong
    assert "another-token" not in wrong


def test_a_command_may_print_the_token(running: Running) -> None:
    made = died(running)
    command = f"{sys.executable} -c 'print(\"{SERVICE_TOKEN}\")'"
    result = run(running, "list", "--token-command", command, token=None)
    assert [row[-1] for row in rows(result)] == made


@pytest.mark.parametrize("limit", ["0", "10001", "many"])
def test_a_limit_that_is_none(running: Running, limit: str) -> None:
    result = run(running, "list", "--limit", limit)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--limit" in result.stderr


def shown(running: Running, width: int) -> str:
    """What a terminal of that width gets."""
    ours, theirs = pty.openpty()
    words = ["deliveries", "list", "--api", running.url]
    environment: dict[str, Any] = {**os.environ, "COLUMNS": str(width), "TERM": "xterm"}
    environment |= {"PARLEY_TOKEN": SERVICE_TOKEN}
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.cli.main", *words],
        cwd=ROOT,
        env=environment,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65_536):
            said += chunk
    except OSError:
        # The other end has closed.
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0, said
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode())


def test_a_terminal_gets_a_table(running: Running) -> None:
    assert shown(running, 100).strip() == "There are no dead letters."
    made = died(running, 2)
    wide = shown(running, 400)
    head, *lines = wide.strip().splitlines()
    assert head.split()[:3] == ["dead", "since", "kind"]
    assert [line.split()[-1] for line in lines] == made
    narrow = shown(running, 60)
    assert max(map(len, narrow.splitlines())) <= 60
    column = "".join(line[-60:].split()[-1] for line in narrow.splitlines()[1:] if line.strip())
    assert made[0][:8] in column
