"""How tools are written in an agent's configuration, wherever that is read from.

Three kinds: `python: module:function`; `http: {…}` and `lambda: {…}`, which describe themselves
by `name`, `description` and `parameters`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

MAX_TOOLS = 64
MAX_DESCRIPTION = 4096
"""Characters that the model is told of one tool, beside its schema."""

MAX_SCHEMA_BYTES = 32 * 1024
MAX_FUNCTION = 256
"""Characters of `module:function`, which becomes a path."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_FUNCTION = re.compile(r"[A-Za-z_]\w{0,63}(\.[A-Za-z_]\w{0,63})*:[A-Za-z_]\w{0,63}", re.ASCII)


def checked_name(text: str) -> str:
    """A tool's name, as the Messages API allows it."""
    if not _NAME.fullmatch(text):
        raise ValueError("must be up to 64 letters, digits, _ and -")
    return text


def _function(text: str) -> str:
    if len(text) > MAX_FUNCTION or not _FUNCTION.fullmatch(text):
        raise ValueError(
            f"must be module:function, such as orders:find_order, of up to {MAX_FUNCTION} "
            "characters"
        )
    return text


def _later(_: object) -> None:
    raise ValueError("is not supported yet; remove it")


_Later = Annotated[None, BeforeValidator(_later)]
"""A field that is refused by name: a tool must not run as if it were not there."""


class _Spec(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )


class HttpSpec(_Spec):
    """A request. `{name}` in the URL is filled from the arguments; the rest of them becomes the
    query (GET, DELETE) or the JSON body. A header `secret:name` holds that secret."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(min_length=1, max_length=2048)
    headers: Mapping[str, str] = Field(default_factory=dict, max_length=32)
    timeout_sec: float = Field(10, gt=0, le=300, allow_inf_nan=False)


class LambdaSpec(_Spec):
    """A function of the same account, by name or ARN, invoked synchronously."""

    function: str = Field(min_length=1, max_length=256)
    timeout_sec: float = Field(30, gt=0, le=900, allow_inf_nan=False)


class ToolSpec(_Spec):
    """One entry of `tools`.

    A Python tool takes name, description and parameters from its function; it may be given another
    `name` and `description` here. The others describe themselves. `repeatable` and `parallel` are
    as in `shared.tools.port`; `timeout_sec` is for Python tools.
    """

    python: Annotated[str, AfterValidator(_function)] | None = None
    http: HttpSpec | None = None
    lambda_: LambdaSpec | None = Field(None, alias="lambda")
    name: Annotated[str, AfterValidator(checked_name)] | None = None
    description: str | None = Field(None, min_length=1, max_length=MAX_DESCRIPTION)
    parameters: Mapping[str, Any] | None = None
    repeatable: bool = Field(False, strict=True)
    parallel: bool = Field(True, strict=True)
    timeout_sec: float | None = Field(None, gt=0, le=900, allow_inf_nan=False)
    approval: _Later = None
    builtin: _Later = None

    @property
    def called(self) -> str:
        """The name by which the model calls it."""
        return self.name or (self.python or "").partition(":")[2]

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in (self.python, self.http, self.lambda_) if kind is not None]
        if len(kinds) != 1:
            raise ValueError("must have exactly one of python, http and lambda")
        if self.python is not None:
            if self.parameters is not None:
                raise ValueError("must leave parameters out: they come from the Python function")
            return self
        missing = [
            field for field in ("name", "description", "parameters") if getattr(self, field) is None
        ]
        if missing:
            raise ValueError(f"is missing {' and '.join(missing)}; add what the model is to know")
        if self.timeout_sec is not None:
            raise ValueError("must have timeout_sec inside http or lambda, not beside it")
        return self
