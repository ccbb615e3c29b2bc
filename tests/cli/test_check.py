"""`parley check`: a line for each agent, of the folder or of the backend."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import one_line, parley
from tests.support.reference_backend import ReferenceBackend

GOOD = "name: Shop\ninstructions: Sell.\n"
TOKEN = "the-token-of-this-backend"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "agents"
    made.mkdir()
    (made / "shop.yaml").write_text(GOOD)
    return made


def check(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """With agents in this folder, and nothing else set."""
    here = {"ASSISTANT_LOCAL_CONFIG_DIR": str(folder), **variables}
    return parley("check", *arguments, folder=folder.parent, **here)


def test_good_agents_are_said_to_be_so_without_a_key(folder: Path) -> None:
    (folder / "tools.py").write_text(
        'def find(order: str) -> str:\n    """Find."""\n    return ""\n'
    )
    (folder / "help.yaml").write_text(GOOD + "tools: [{python: 'tools:find'}]\nskills: [brief]\n")
    library = folder.parent / "library"
    (library / "skills").mkdir(parents=True)
    (library / "skills" / "brief.md").write_text("Be brief.")
    done = check(folder, LIBRARY_DIR=str(library))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok help\nok shop\n", "")
    assert not (folder.parent / "workspace").exists(), "it keeps nothing"


def test_every_faulty_agent_is_named_with_line_and_reason(folder: Path) -> None:
    (folder / "tools.py").write_text("def find(order) -> str:\n    return ''\n")
    (folder / "a.yaml").write_text(GOOD + "max_tokens: many\n")
    (folder / "b.yaml").write_text("name: [\n")
    (folder / "c.yaml").write_text(GOOD + "\ntools: [{python: 'tools:find'}]\n")
    (folder / "d.yaml").write_text(GOOD + "skills: [none-such]\n")
    (folder / "e.yml").write_text(GOOD)
    (folder / "f g.yaml").write_text(GOOD)
    done = check(folder)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    begins = [
        *("agents/a.yaml, line 3: ", "agents/b.yaml, line ", "agents/c.yaml, line 4: "),
        *("agents/d.yaml, line 3: ", "ok shop"),
        *("agents/e.yml: its name must end in .yaml.", "agents/f g.yaml: the name of the file "),
    ]
    assert [line[: len(begin)] for line, begin in zip(lines, begins, strict=True)] == begins
    for line, reason in zip(lines, ("max_tokens", "", "order", "none-such"), strict=False):
        assert reason in line


def test_what_a_file_says_cannot_move_the_cursor(folder: Path) -> None:
    (folder / "odd.yaml").write_text('"a\\e[2Jb\\u202ec": 1\n')
    done = check(folder)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 2
    assert not [each for each in done.stdout if not each.isprintable() and each != "\n"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "ASSISTANT_LOCAL_CONFIG_DIR" in one_line(check(tmp_path / "none"))


def test_a_setting_without_meaning(folder: Path) -> None:
    said = one_line(check(folder, BACKEND_MODE="http"))
    assert "BACKEND_URL" in said


def test_prices_that_cannot_be_read_are_one_fault_of_the_settings(folder: Path) -> None:
    """Whether or not an agent asks for a price: `parley dev` would not start."""
    for more in ("", "limits: {turn_usd: 1}\n"):
        (folder / "shop.yaml").write_text(GOOD + more)
        said = one_line(check(folder, MODEL_PRICES=str(folder / "none.json")))
        assert "price list none.json" in said


# -- of a backend -------------------------------------------------------------------------------


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with ReferenceBackend(token=TOKEN) as made:
        yield made


def of(
    backend: ReferenceBackend, folder: Path, *arguments: str, token: str = TOKEN
) -> "subprocess.CompletedProcess[str]":
    where = {"BACKEND_URL": backend.url, "BACKEND_TOKEN": token, "BACKEND_TIMEOUT_SEC": "2"}
    return check(folder, *arguments, **where)


def test_the_agents_of_a_backend(backend: ReferenceBackend, folder: Path) -> None:
    shop = {"name": "Shop", "instructions": "Sell."}
    backend.books.put_agent("shop", shop)
    backend.books.put_agent("broken", {**shop, "max_tokens": "many"})
    backend.books.put_agent("theirs", shop, "globex")
    done = of(backend, folder)
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines), lines[1]) == (1, 2, "ok shop")
    assert lines[0].startswith('agent "broken" of the backend: "max_tokens" ')
    done = of(backend, folder, "--tenant", "globex")
    assert "ok theirs\n" in done.stdout
    assert not (folder.parent / "workspace").exists(), "no copy is kept"


def test_one_that_cannot_be_had_is_named_and_the_rest_go_on(
    backend: ReferenceBackend, folder: Path
) -> None:
    for name in ("a", "b"):
        backend.books.put_agent(name, {"name": "Shop", "instructions": "Sell."})
    backend.fault("garbage", operation="agent")
    done = of(backend, folder)
    first, second = done.stdout.splitlines()
    assert first.startswith('agent "a" of the backend: it cannot be had: ')
    assert (done.returncode, second) == (1, "ok b")


@pytest.mark.parametrize("wrong", ["token", "stopped"])
def test_a_backend_that_lists_nothing(backend: ReferenceBackend, folder: Path, wrong: str) -> None:
    if wrong == "stopped":
        backend.stop()
    said = one_line(of(backend, folder, token="another-token"))
    what = {
        "token": "does not accept BACKEND_TOKEN. Set the right one.",
        "stopped": "does not list its agents: GET /assistants: connection refused.",
    }[wrong]
    assert said == f"Error: The backend at {backend.url} {what}"
    assert "another-token" not in said


def test_documents_that_nobody_can_look_up_are_named(folder: Path) -> None:
    documents = folder / "knowledge" / "help"
    documents.mkdir(parents=True)
    (documents / "good.md").write_text("A lamp.")
    (documents / "bad.md").write_text("---\nacl: {users: ann}\n---\nA lamp.")
    (folder / "a.yaml").write_text(GOOD + "knowledge: {documents: knowledge/help}\n")
    (folder / "b.yaml").write_text(GOOD + "knowledge: {documents: knowledge/gone}\n")
    done = check(folder)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        (
            'agent a: knowledge/help/bad.md, line 2: "acl.users" must be a list, such as [a, b], '
            "even of one."
        ),
        "agent b: There is no folder knowledge/gone beside the agents.",
        "ok shop",
    ]
