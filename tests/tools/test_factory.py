"""From entries of `tools` to a toolbox."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic
import pytest

from shared.tools.arguments import Check
from shared.tools.factory import Toolmaker
from shared.tools.port import InvalidArguments, Tool, ToolContext
from shared.tools.python_modules import PythonModules
from shared.tools.specs import ToolSpec
from shared.tools.toolbox import Toolbox, ToolRefused
from tests.tools.calls import context

REFUND: Mapping[str, Any] = {
    "name": "refund",
    "description": "Refund.",
    "parameters": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    "http": {"method": "POST", "url": "https://example.com/refunds/{id}"},
}
COUNT: Mapping[str, Any] = {
    "name": "count",
    "description": "Count.",
    "parameters": {"type": "object"},
    "lambda": {"function": "count"},
}


class Remote:
    """A tool somewhere else, which says where, and that its arguments were checked."""

    repeatable = True
    parallel = False
    timeout = 1.0

    def __init__(self, spec: ToolSpec, check: Check) -> None:
        self.name = spec.called
        self.description = spec.description or ""
        self.parameters: Mapping[str, Any] = spec.parameters or {}
        self._where = "http" if spec.http else "lambda"
        self._check = check

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        self._check(arguments)
        return self._where


def no_tool(spec: ToolSpec, check: Check) -> Tool:
    raise ValueError("must have another address")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.py").write_text(
        'def find(a: int) -> int:\n    """Find it."""\n    return a\n'
        "def bare() -> None: ...\n"
        'async def later() -> None:\n    """Later."""\n'
    )
    return tmp_path


@pytest.fixture
def maker(folder: Path) -> Toolmaker:
    return Toolmaker(PythonModules(folder), http=Remote, lambda_=Remote)


def specs(*entries: Mapping[str, Any]) -> list[ToolSpec]:
    return [ToolSpec.model_validate(entry) for entry in entries]


def ran(toolbox: Toolbox, name: str, **arguments: Any) -> str:
    [tool] = [each for each in toolbox if each.name == name]
    return str(tool.run(arguments, context()))


def test_each_kind(maker: Toolmaker) -> None:
    toolbox = maker.toolbox(specs({"python": "orders:find"}, REFUND, COUNT))
    assert [tool.name for tool in toolbox] == ["find", "refund", "count"]
    assert ran(toolbox, "find", a=5) == "5"
    assert ran(toolbox, "refund", id="x") == "http"
    assert ran(toolbox, "count") == "lambda"


@pytest.mark.parametrize(("name", "argument"), [("refund", "ID"), ("count", "x")])
def test_what_the_model_gives_other_tools_is_checked_too(
    maker: Toolmaker, name: str, argument: str
) -> None:
    with pytest.raises(InvalidArguments, match="is no argument of this tool"):
        ran(maker.toolbox(specs(REFUND, COUNT)), name, **{argument: "x"})


def test_what_the_model_is_told(maker: Toolmaker) -> None:
    first, second = maker.toolbox(specs({"python": "orders:find"}, REFUND))
    assert (first.name, first.description) == ("find", "Find it.")
    assert first.parameters["required"] == ["a"]
    assert (second.name, second.description) == ("refund", "Refund.")
    assert second.parameters == REFUND["parameters"]
    assert list(maker.toolbox([])) == []


def test_options_of_a_python_tool(maker: Toolmaker) -> None:
    entry = {"python": "orders:find", "name": "seek", "description": "Seek."}
    plain, other = maker.toolbox(
        specs(
            {"python": "orders:find"},
            {**entry, "repeatable": True, "parallel": False, "timeout_sec": 5},
        )
    )
    assert (plain.repeatable, plain.parallel, plain.timeout) == (False, True, 30.0)
    assert (other.name, other.description) == ("seek", "Seek.")
    assert (other.repeatable, other.parallel, other.timeout) == (True, False, 5.0)


def test_one_function_may_be_two_tools(maker: Toolmaker) -> None:
    toolbox = maker.toolbox(
        specs({"python": "orders:find"}, {"python": "orders:find", "name": "seek"})
    )
    assert [tool.name for tool in toolbox] == ["find", "seek"]


def test_a_change_of_the_python_files_is_seen(folder: Path, maker: Toolmaker) -> None:
    maker.toolbox(specs({"python": "orders:find"}))
    before = maker.version()
    assert maker.version() == before
    (folder / "orders.py").write_text(
        'def find(text: str) -> str:\n    """New."""\n    return text\n'
    )
    assert maker.version() != before
    assert ran(maker.toolbox(specs({"python": "orders:find"})), "find", text="x") == "x"


def test_built_in_tools_are_made_by_somebody_else(maker: Toolmaker) -> None:
    entries = specs({"builtin": "request_choices"}, {"python": "orders:find"})
    assert [tool.name for tool in maker.toolbox(entries)] == ["find"]
    assert [tool.name for tool in maker.remaining(entries)] == ["find"]
    twice = specs({"builtin": "request_choices"}, {"builtin": "request_choices"})
    with pytest.raises(ToolRefused, match=r'has the name "request_choices" as tools\.0'):
        maker.toolbox(twice)


def test_what_remains_of_tools_from_another_day(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    maker = Toolmaker(PythonModules(folder), http=no_tool, lambda_=Remote)
    entries = specs(
        {"python": "orders:gone"},
        {"python": "nowhere:find", "name": "seek"},
        {"python": "orders:find"},
        REFUND,
        {**COUNT, "parameters": {}},
        {**COUNT, "name": "number"},
    )
    with caplog.at_level("WARNING", "parley"):
        found = maker.remaining(entries)
    assert [tool.name for tool in found] == ["find", "number"]
    assert ran(found, "find", a=5) == "5"
    assert [record.message for record in caplog.records] == ["tool left out"] * 4
    left_out = [(vars(record)["tool"], vars(record)["reason"]) for record in caplog.records]
    assert left_out[0] == ("gone", 'names the function "gone", which orders.py does not have')
    assert [name for name, _ in left_out[1:]] == ["seek", "refund", "count"]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (
            [{"python": "orders:find"}, REFUND, {**COUNT, "name": "find"}],
            '"tools.2" has the name "find" as tools.0 has; change one of them.',
        ),
        ([{"python": "nowhere:find"}], '"tools.0.python" names the file nowhere.py, which'),
        ([{"python": "orders:seek"}], '"tools.0.python" names the function "seek", which'),
        ([REFUND, {"python": "orders:bare"}], '"tools.1.python" has no docstring; say in one'),
        ([{"python": "orders:later"}], '"tools.0.python" is async; tools are plain functions'),
        (
            [{**REFUND, "parameters": {"type": "array"}}],
            '"tools.0.parameters" must have type: object at its top.',
        ),
        ([{**COUNT, "parameters": {}}], '"tools.0.parameters" must have type: object'),
    ],
)
def test_what_makes_no_tool_is_refused(
    maker: Toolmaker, entries: list[Mapping[str, Any]], said: str
) -> None:
    with pytest.raises(ToolRefused) as caught:
        maker.toolbox(specs(*entries))
    assert said in str(caught.value)


@pytest.mark.parametrize(("entry", "field"), [(REFUND, "http"), (COUNT, "lambda")])
def test_what_other_tools_say_of_their_entry_is_passed_on(
    folder: Path, entry: Mapping[str, Any], field: str
) -> None:
    maker = Toolmaker(PythonModules(folder), http=no_tool, lambda_=no_tool)
    with pytest.raises(ToolRefused) as caught:
        maker.toolbox(specs(entry))
    assert caught.value.fault.path == ("tools", 0, field)
    assert caught.value.fault.reason == "must have another address"


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"python": "orders:find", "http": {"url": "https://example.com"}},
        {"python": "orders"},
        {"python": "../orders:find"},
        {"python": ".orders:find"},
        {"python": "orders:find", "parameters": {"type": "object"}},
        {"python": "orders:find", "timeout_sec": 901},
        {"python": "orders:find", "repeatable": "yes"},
        {"python": "orders:find", "approval": True},
        {**REFUND, "name": "re fund"},
        {**REFUND, "timeout_sec": 5},
        {name: value for name, value in REFUND.items() if name != "description"},
    ],
)
def test_what_is_no_entry(entry: Mapping[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        ToolSpec.model_validate(entry)
