"""Whatever arguments a model makes up: the tool is called with what fits, or the model is told."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pydantic
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from shared.messaging.http import HttpAnswer
from shared.tools.arguments import checked
from shared.tools.http_tool import HttpTool
from shared.tools.port import InvalidArguments, Tool, ToolFault
from shared.tools.secrets import ToolSecrets
from shared.tools.specs import ToolSpec
from tests.fuzz.extent import extent
from tests.fuzz.shapes import FOREIGN
from tests.support.clock import FakeClock
from tests.tools.calls import context, tool

MAX_SAID = 200_000
"""Characters; what is longer than a result may be is cut by whoever runs the tool."""


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Place(TypedDict):
    street: str
    number: int


class Order(pydantic.BaseModel):
    id: int
    tags: list[str] = []


@dataclass
class Point:
    x: float
    y: float = 0.0


HINTS: tuple[Any, ...] = (
    *(str, int, float, bool, bytes, Decimal, UUID, datetime, date, time, timedelta, Any),
    *(Size, Place, Order, Point, Literal["a", 1], dict[str, int], list[Order], set[int]),
    *(tuple[int, str], frozenset[str], int | None, str | list[int], Order | Point | None),
    *(Annotated[int, pydantic.Field(ge=0, le=9)], Annotated[str, pydantic.Field(pattern="^a+$")]),
    *(Annotated[list[int], pydantic.Field(max_length=2)], Annotated[float, pydantic.Field(gt=0)]),
    *(pydantic.HttpUrl, pydantic.NonNegativeInt),
)
NAMES = ("a", "b", "model_config", "copy", "self_")

_TEXTS = st.sampled_from(
    [
        *("", "a", "aaa", "small", "1", "-1", "1e999", "NaN", "true", "null", "\ud800", "\x00"),
        *("2026-01-31", "2026-01-31T12:00:00Z", "9999999-99-99", "12:30", "PT1H", "P" + "9" * 30),
        *("https://example.com", "http://[", "0191f3a4-0000-7000-8000-00000000000a", "é" * 2000),
        *("{a}", "%s", "../..", "a\r\nX: y", "#", "?q=1", "aaa!" * 40),
    ]
)
_NUMBERS = (
    st.integers(-3, 12)
    | st.sampled_from([10**30, -(10**400), 1e308, float("inf"), float("-inf"), float("nan"), -0.0])
    | st.floats()
)
_SCALARS = st.none() | st.booleans() | _NUMBERS | _TEXTS | st.text(max_size=5)


def _deep(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS | st.sampled_from([5, 60]).map(_deep),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "tags", "x", "y", "street", "number", "a"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(
    st.sampled_from([*NAMES, "unknown", "", "\ud800", "é" * 50]), VALUES, max_size=4
)


def _function(hints: Mapping[str, Any], optional: int) -> Callable[..., str]:
    """A function with these parameters, the last ones of which may be left out."""

    def made(**values: Any) -> str:
        assert values.keys() <= hints.keys()
        return "called"

    required = len(hints) - optional
    made.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if number < required else None,
                annotation=hint,
            )
            for number, (name, hint) in enumerate(hints.items())
        ]
    )
    made.__annotations__ = dict(hints)
    return made


_HINTED = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([str, float, Any]) | st.sampled_from(HINTS), max_size=3
)


def _arguments(hints: dict[str, Any]) -> st.SearchStrategy[tuple[dict[str, Any], dict[str, Any]]]:
    """The hints with arguments for them, or for some function."""
    meant = st.fixed_dictionaries(dict.fromkeys(hints, _SCALARS | VALUES))
    return st.tuples(st.just(hints), meant | meant | ARGUMENTS)


@extent(1200)
@given(_HINTED.flatmap(_arguments), st.integers(0, 2))
def test_python_functions(call: tuple[dict[str, Any], dict[str, Any]], optional: int) -> None:
    hints, arguments = call
    made = tool(_function(hints, min(optional, len(hints))))
    assert _said(lambda: made.run(arguments, context())) in ("called", None)


def _said(call: Callable[[], str]) -> str | None:
    """The result; None if the arguments are refused, in words for the model."""
    try:
        return call()
    except InvalidArguments as fault:
        _for_a_model(fault)
        return None


def _for_a_model(fault: ToolFault) -> None:
    text = str(fault)
    assert text.endswith(".")
    assert len(text) < MAX_SAID
    assert not FOREIGN.search(text)


# -- schemas that somebody wrote ------------------------------------------------------------------

_RULES: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "string": {
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["^a+$", "[", "(a+)+$", "\\d"]),
        "format": st.sampled_from(["date", "email", "nothing"]),
        "enum": st.just(["a", "b"]),
    },
    "integer": {"minimum": st.integers(-2, 5), "multipleOf": st.sampled_from([0, 2, 0.1])},
    "number": {"exclusiveMaximum": st.floats(0, 9), "multipleOf": st.sampled_from([0.01, 1e-300])},
    "boolean": {"const": st.booleans()},
    "null": {},
    "array": {"maxItems": st.integers(0, 2), "uniqueItems": st.booleans()},
    "object": {"minProperties": st.integers(0, 2), "additionalProperties": st.booleans()},
}
_KINDS = st.sampled_from(sorted(_RULES))


@st.composite
def _typed(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    kind = draw(_KINDS)
    schema: dict[str, Any] = {"type": kind}
    for name, values in _RULES[kind].items():
        if draw(st.booleans()):
            schema[name] = draw(values)
    if kind == "array":
        schema["items"] = draw(inner)
    if kind == "object":
        schema["properties"] = draw(st.dictionaries(st.sampled_from(["id", "x"]), inner))
        schema["required"] = draw(st.lists(st.sampled_from(["id", "x"]), unique=True, max_size=2))
    return schema


_PARTS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([{}, True, False, {"type": "string"}, {"$ref": "#"}]),
    lambda inner: (
        _typed(inner)
        | st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts})
        | inner.map(lambda part: {"not": part})
        | st.builds(lambda one, two: {"if": one, "then": two}, inner, inner)
    ),
    max_leaves=5,
)
SCHEMAS = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(st.sampled_from([*NAMES, "id"]), _PARTS, max_size=3)
        | _PARTS.map(lambda part: {"a": {"type": "string"}, "b": part}),
    },
    optional={
        "required": st.just(["a"]) | st.lists(st.sampled_from(NAMES), unique=True, max_size=2),
        "additionalProperties": st.booleans(),
        "patternProperties": st.fixed_dictionaries({"^a": _PARTS}),
    },
)


ADDRESS = "https://api.example"


@dataclass
class Server:
    """A client of HTTP for which everything goes well."""

    urls: list[str] = field(default_factory=list)

    def check(self, url: str) -> None:
        """Any address may be called."""

    def request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout: float,
        max_bytes: int,
    ) -> HttpAnswer:
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url
        if body is not None:
            json.loads(body, parse_constant=_refuse)
        self.urls.append(url)
        return HttpAnswer(status=200, headers={}, body=b"fine", cut=False)


def _refuse(token: str) -> None:
    raise AssertionError(f"{token} is no JSON")


@extent(1200)
@given(
    SCHEMAS,
    ARGUMENTS,
    st.sampled_from(["GET", "POST"]),
    st.sampled_from([f"{ADDRESS}/x", f"{ADDRESS}/x", f"{ADDRESS}/{{a}}?x={{a}}"]),
)
def test_http_tools(
    schema: dict[str, Any], arguments: dict[str, Any], method: str, url: str
) -> None:
    server = Server()
    made = _made(schema, method, url, server)
    if isinstance(made, ValueError):
        assert not FOREIGN.search(str(made))
        return
    said = _said(lambda: made.run(arguments, context()))
    assert (said == "fine") == bool(server.urls)
    assert all(each.startswith(f"{ADDRESS}/") for each in server.urls)


def _made(schema: Mapping[str, Any], method: str, url: str, server: Server) -> Tool | ValueError:
    clock = FakeClock()
    entry = {
        "name": "tool",
        "description": "Do it.",
        "parameters": schema,
        "http": {"method": method, "url": url},
    }
    try:
        return HttpTool(
            ToolSpec.model_validate(entry),
            checked(schema),
            http=server,
            secrets=ToolSecrets({}, clock),
            clock=clock,
        )
    except ValueError as refused:
        return refused
