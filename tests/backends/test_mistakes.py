"""What is said of mistakes in agents' files: the file, the line, the reason."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from shared.backends.agents import Agent
from shared.backends.sections import Knowledge, Limits, Step, Workflow
from shared.cli.check import check
from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.tools.specs import ApprovalSpec, HttpSpec, LambdaSpec, ToolSpec
from shared.wiring import Deployment
from tests.backends.mistakes import MISTAKES
from tests.backends.mistakes.in_resources import RESOURCES, resource
from tests.backends.mistakes.made import GOOD, Mistake

FIND = 'def find(order: int) -> int:\n    """Find an order."""\n    return order\n'


def made(base: Path) -> Path:
    """A folder for agents, with all that they may name."""
    found = base / "agents"
    (found / "tools").mkdir(parents=True)
    (found / "orders.py").write_text(FIND)
    for name, text in RESOURCES.items():
        (found / "tools" / f"{name}.yaml").write_text(text)
    (base / "library" / "skills").mkdir(parents=True)
    (base / "library" / "skills" / "tone.md").write_text("Be kind.")
    (base / "library" / "skills" / "hurry.md").write_text("It is {{system__now}} already.")
    return found


def variables(folder: Path) -> dict[str, str]:
    return {
        "WORKSPACE_BASE": str(folder.parent / "workspace"),
        "ASSISTANT_LOCAL_CONFIG_DIR": str(folder),
        "LIBRARY_DIR": str(folder.parent / "library"),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("deployment"))


@pytest.fixture(scope="module")
def deployment(folder: Path) -> Iterator[Deployment]:
    deployment = Deployment(Settings.load(variables(folder), loopback=True))
    yield deployment
    deployment.close()


def write(path: Path, text: str | bytes) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def said(mistake: Mistake, file: str) -> str:
    place = "" if mistake.line is None else f", line {mistake.line}"
    return f"agents/{file}{place}: {mistake.reason}"


def test_what_they_are_made_from_is_right(folder: Path, deployment: Deployment) -> None:
    write(folder / "good.yaml", GOOD + "skills: [tone]\ntools: [{resource: find}]\n")
    assert deployment.equipped_agents.get("good", "local").name == "Support"


@pytest.mark.parametrize(
    ("number", "mistake"),
    list(enumerate(MISTAKES)),
    ids=[mistake.about for mistake in MISTAKES],
)
def test_the_file_the_line_and_the_reason(
    folder: Path, deployment: Deployment, number: int, mistake: Mistake
) -> None:
    write(folder / f"bad{number}.yaml", mistake.file)
    with pytest.raises(ConfigurationError) as caught:
        deployment.equipped_agents.get(f"bad{number}", "local")
    assert caught.value.message == said(mistake, f"bad{number}.yaml")


def test_a_resource_that_is_no_yaml_is_refused_at_its_own_place(
    folder: Path, deployment: Deployment
) -> None:
    write(folder / "shares.yaml", resource("unclosed"))
    with pytest.raises(ConfigurationError) as caught:
        deployment.equipped_agents.get("shares", "local")
    assert caught.value.message == (
        "agents/tools/unclosed.yaml, line 2: the quote that opens here is never closed, or too far "
        "on; put one behind the text."
    )


def test_parley_check_says_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path)
    write(folder / "good.yaml", GOOD)
    for number, mistake in enumerate(MISTAKES):
        write(folder / f"bad{number}.yaml", mistake.file)
    for name, value in variables(folder).items():
        monkeypatch.setenv(name, value)
    assert check("local") == 1
    expected = {said(mistake, f"bad{number}.yaml") for number, mistake in enumerate(MISTAKES)}
    assert set(capsys.readouterr().out.splitlines()) == expected | {"ok good"}


def test_each_is_another_one() -> None:
    assert len({mistake.about for mistake in MISTAKES}) == len(MISTAKES)
    assert len({mistake.file for mistake in MISTAKES}) == len(MISTAKES)


def paths(model: type[BaseModel], path: str = "") -> list[str]:
    return [path + (field.alias or name) for name, field in model.model_fields.items()]


FIELDS = [
    *(name for name in paths(Agent) if name != "id"),
    *paths(ToolSpec, "tools.N."),
    *paths(HttpSpec, "tools.N.http."),
    *paths(LambdaSpec, "tools.N.lambda."),
    *paths(ApprovalSpec, "tools.N.approval."),
    *paths(Knowledge, "knowledge."),
    *paths(Workflow, "workflow."),
    *paths(Step, "workflow.steps.N."),
    *paths(Limits, "limits."),
]


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_of_the_schema_is_among_them(field: str) -> None:
    """Itself or something in it."""
    named = [re.match(r'"([^"]+)"', mistake.reason) for mistake in MISTAKES]
    found = {re.sub(r"\.\d+", ".N", each[1]) for each in named if each}
    assert any(f"{each}.".startswith(f"{field}.") for each in found)
