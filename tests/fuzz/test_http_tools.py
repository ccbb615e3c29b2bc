"""HTTP tools: whatever schema an author wrote and arguments a model makes up, they fit or not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.http import HttpAnswer
from shared.tools.arguments import checked
from shared.tools.http_tool import HttpTool
from shared.tools.port import Tool
from shared.tools.secrets import ToolSecrets
from shared.tools.specs import ToolSpec
from tests.fuzz.arguments import ARGUMENTS, NAMES, said_of
from tests.fuzz.extent import extent
from tests.fuzz.shapes import FOREIGN
from tests.support.clock import FakeClock
from tests.tools.calls import context

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
    said = said_of(lambda: str(made.run(arguments, context())))
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
