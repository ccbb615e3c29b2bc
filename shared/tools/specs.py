"""How tools are written in an agent's configuration, wherever that is read from.

Four kinds: `python: module:function`; `http: {…}` and `lambda: {…}`, which describe themselves
by `name`, `description` and `parameters`; and `builtin: name`, a tool that Parley brings.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.protocol.written import Written, plain_json

MAX_TOOLS = 64
MAX_DESCRIPTION = 4096
"""Characters that the model is told of one tool, beside its schema."""

MAX_SCHEMA_BYTES = 32 * 1024
MAX_FUNCTION = 256
"""Characters of `module:function`, which becomes a path."""

MAX_APPROVAL_DAYS = 30
MAX_ROLES = 16
MAX_ROLE = 64
"""Characters."""

BUILTINS = (
    "request_choices",
    "request_identity_intake",
    "submit_interaction",
    "request_user_input",
    "knowledge_search",
    "escalate",
    "list_files",
    "read_file",
    "write_file",
    "send_file",
)

_DAY = 86_400
_QUOTED = 64
"""Characters of a wrong word that is repeated to whoever wrote it."""

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


def _builtin(name: str) -> str:
    if name not in BUILTINS:
        known = f"there are {', '.join(BUILTINS)}"
        if 0 < len(name) <= _QUOTED and name.isprintable():
            raise ValueError(f'has "{name}", which is no built-in tool; {known}')
        raise ValueError(f"must be the name of a built-in tool; {known}")
    return name


def _role(name: str) -> str:
    if not 0 < len(name) <= MAX_ROLE or not name.isprintable() or not name.strip():
        raise ValueError(f"must be the name of a role: up to {MAX_ROLE} printable characters")
    return name


def _roles(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("must name at least one role; leave it out where the user decides")
    if len(set(names)) != len(names):
        raise ValueError("may name each role only once")
    return names


def _seconds(value: float) -> float:
    if value > MAX_APPROVAL_DAYS * _DAY:
        raise ValueError(
            f"must be at most {MAX_APPROVAL_DAYS} days ({MAX_APPROVAL_DAYS * _DAY}), in seconds"
        )
    return value


def _approval(value: Any) -> Any:
    """The word `required` and the objects are one thing from here on. What else people may write,
    such as nothing at all, is refused rather than taken for no approval."""
    if value == "required":
        return {"required": True}
    if isinstance(value, ApprovalSpec):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004 - one kind of error
            "must be required, or {required: true} with timeout_sec and roles; "
            "leave it out where nobody has to approve"
        )
    if value.get("required") is False:
        if len(value) > 1:
            raise ValueError("must have nothing beside required: false; remove it")
        return None
    return value


def _true(value: Any) -> Any:
    if value is not True:
        raise ValueError("must be true or false")
    return value


def _json(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    plain_json(schema)
    return schema


class HttpSpec(Written):
    """A request. `{name}` in the URL is filled from the arguments; the rest of them becomes the
    query (GET, DELETE) or the JSON body. A header `secret:name` holds that secret."""

    example: ClassVar = '{method: POST, url: "https://example.com/orders"}'

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(min_length=1, max_length=2048)
    headers: Annotated[Mapping[str, str], AfterValidator(_json)] = Field(
        default_factory=dict, max_length=32
    )
    timeout_sec: float = Field(10, gt=0, le=300, allow_inf_nan=False, strict=True)


class LambdaSpec(Written):
    """A function of the same account, by name or ARN, invoked synchronously."""

    example: ClassVar = "{function: name-or-arn}"

    function: str = Field(min_length=1, max_length=256)
    timeout_sec: float = Field(30, gt=0, le=900, allow_inf_nan=False, strict=True)


class ApprovalSpec(Written):
    """A person decides on each call of the tool, within `timeout_sec` (None: the deployment's own
    time). With `roles`, one of them is needed to decide."""

    example: ClassVar = "{required: true}"

    required: Annotated[Literal[True], BeforeValidator(_true)]
    timeout_sec: (
        Annotated[float, Field(ge=1, allow_inf_nan=False, strict=True), AfterValidator(_seconds)]
        | None
    ) = None
    roles: Annotated[
        tuple[Annotated[str, AfterValidator(_role)], ...],
        Field(max_length=MAX_ROLES),
        AfterValidator(_roles),
    ] = ()


class ToolSpec(Written):
    """One entry of `tools`.

    A Python tool takes name, description and parameters from its function; it may be given another
    `name` and `description` here. The others describe themselves. `repeatable` and `parallel` are
    as in `shared.tools.port`; `timeout_sec` is for Python tools. `approval` and `verified` are what
    must happen before each call: a person decides; the session's user has entered a code that was
    sent to them. A built-in tool has no other field.
    """

    example: ClassVar = "{python: orders:find_order}"
    elsewhere: ClassVar = ("resource",)

    python: Annotated[str, AfterValidator(_function)] | None = None
    http: HttpSpec | None = None
    lambda_: LambdaSpec | None = Field(None, alias="lambda")
    name: Annotated[str, AfterValidator(checked_name)] | None = None
    description: str | None = Field(None, min_length=1, max_length=MAX_DESCRIPTION)
    parameters: Annotated[Mapping[str, Any], AfterValidator(_json)] | None = None
    repeatable: bool = Field(False, strict=True)
    parallel: bool = Field(True, strict=True)
    timeout_sec: float | None = Field(None, gt=0, le=900, allow_inf_nan=False, strict=True)
    approval: Annotated[ApprovalSpec | None, BeforeValidator(_approval)] = None
    verified: bool = Field(False, strict=True)
    builtin: Annotated[str, AfterValidator(_builtin)] | None = None

    @property
    def called(self) -> str:
        """The name by which the model calls it."""
        return self.name or self.builtin or (self.python or "").partition(":")[2]

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = (self.python, self.http, self.lambda_, self.builtin)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError(
                "must have exactly one of python, http, lambda and builtin, or name a resource"
            )
        if self.builtin is not None:
            if beside := sorted(self.model_fields_set - {"builtin"}):
                raise ValueError(f"must have nothing beside builtin; remove {' and '.join(beside)}")
            return self
        if self.called in BUILTINS:
            raise ValueError(
                f'has the name "{self.called}", which is that of a built-in tool; give it another '
                "name"
            )
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
