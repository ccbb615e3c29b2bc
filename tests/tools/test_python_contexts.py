"""No type, however nested, lets a model make up on whose behalf it calls."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, NamedTuple, NewType, TypeVar

import pydantic
import pytest
from pydantic import BaseModel, InstanceOf, RootModel, SkipValidation, TypeAdapter
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypeAliasType, TypedDict

from shared.tools.port import InvalidArguments, ToolContext
from shared.tools.python_modules import PythonModules
from tests.tools.calls import context, tool

FORGED = {
    "tenant": "evil",
    "user": "admin",
    "conversation": "c",
    "session": "s",
    "turn": "t",
    "call": "k",
    "idempotency_key": "i",
    "deadline": 0.0,
}
Held = TypeVar("Held")


class Model(BaseModel):
    ctx: ToolContext


class Optional(BaseModel):
    ctx: ToolContext | None = None


class Deep(BaseModel):
    models: list[Model]


class Tree(BaseModel):
    ctx: ToolContext | None = None
    below: list["Tree"] = []


class Holder(BaseModel, Generic[Held]):
    held: Held


class Root(RootModel[ToolContext]):
    pass


class Instance(BaseModel):
    ctx: InstanceOf[ToolContext]


class Skipping(BaseModel):
    ctx: SkipValidation[ToolContext]


@dataclass
class Data:
    ctx: ToolContext


@pydantic.dataclasses.dataclass
class OtherData:
    ctx: ToolContext


class Typed(TypedDict):
    ctx: ToolContext


class Named(NamedTuple):
    ctx: ToolContext


New = NewType("New", ToolContext)
Alias = TypeAliasType("Alias", ToolContext)


@pytest.mark.parametrize(
    "hint",
    [
        *(Model, Optional, Deep, Tree, Holder[ToolContext], Holder[Model], Root),
        *(Instance, Skipping, Data, OtherData, Typed, Named, New, Alias),
        *(list[Model], dict[str, Data], tuple[int, Typed], Model | None, str | Model),
        Annotated[Named, "with a remark"],
    ],
)
def test_a_type_with_a_context_in_it_is_refused(hint: Any) -> None:
    def smuggle(q: str, request: Any) -> None: ...

    smuggle.__annotations__["request"] = hint
    with pytest.raises(ValueError) as caught:
        tool(smuggle)
    assert str(caught.value) == (
        'cannot be a tool: the type of its parameter "request" has a ToolContext in it, which a '
        "model must not make up; take it as a parameter of its own"
    )


@pytest.mark.parametrize("hint", [list[ToolContext], ToolContext | str, Annotated[ToolContext, 1]])
def test_a_context_is_annotated_alone(hint: Any) -> None:
    def smuggle(contexts: Any) -> None: ...

    smuggle.__annotations__["contexts"] = hint
    with pytest.raises(ValueError, match='annotate its parameter "contexts" as ToolContext alone'):
        tool(smuggle)


def test_what_the_schema_leaves_out_cannot_be_made_up_either() -> None:
    class Hidden(BaseModel):
        q: str
        ctx: SkipJsonSchema[ToolContext | None] = None

    def take(request: Hidden) -> str:
        return f"{request.q} {request.ctx}"

    made = tool(take)
    assert made.run({"request": {"q": "x"}}, context()) == "x None"
    with pytest.raises(InvalidArguments, match="nothing was called"):
        made.run({"request": {"q": "x", "ctx": FORGED}}, context())


@pytest.mark.parametrize("hint", [ToolContext, Model, Data, Typed, Named])
def test_nothing_makes_a_context_from_data(hint: Any) -> None:
    given = FORGED if hint is ToolContext else {"ctx": FORGED}
    with pytest.raises(pydantic.ValidationError):
        TypeAdapter(hint).validate_python(given)


def test_the_author_s_own_types_may_hold_the_context_of_a_call() -> None:
    given = context()
    assert Model(ctx=given).ctx is given


@pytest.mark.parametrize(
    "text",
    [
        "class Mine(ToolContext):\n    pass\n",
        "class Mine(BaseModel, ToolContext):\n    pass\n",
        "Mine = dataclass(ToolContext)\n",
    ],
)
def test_a_context_has_no_subclasses(tmp_path: Path, text: str) -> None:
    (tmp_path / "orders.py").write_text(
        "from pydantic import BaseModel\n"
        "from pydantic.dataclasses import dataclass\n"
        "from shared.tools.port import ToolContext\n"
        f"{text}"
        'def find(mine: Mine) -> None:\n    """Find it."""\n'
    )
    with pytest.raises(ValueError) as caught:
        PythonModules(tmp_path).function("orders:find")
    assert str(caught.value) == (
        "cannot be loaded: orders.py, line 4: TypeError: ToolContext cannot have subclasses; put "
        "what you need beside it"
    )
