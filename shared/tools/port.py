"""The tool port: what a turn knows of a tool, whatever runs behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

from pydantic_core import CoreSchema, core_schema


@final
@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """On whose behalf a call runs, and which call it is.

    `idempotency_key` names the call of the turn, not the attempt: it is the same when a call that
    a crash interrupted is made again, so that whoever acts on it can act once. `deadline` is the
    moment (`time.monotonic`) at which nobody waits for the result any more. `verified_email` is an
    address that the user has shown to be theirs, by a code; only for tools that ask for it.

    Only who has one can hand it on: pydantic makes none from data, which may be a model's, and
    there are no subclasses, for which it might.
    """

    tenant: str
    user: str
    conversation: str
    session: str
    turn: str
    call: str
    idempotency_key: str
    deadline: float
    email: str | None = None
    verified_email: str | None = None
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def __init_subclass__(cls) -> None:
        raise TypeError("ToolContext cannot have subclasses; put what you need beside it")

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> CoreSchema:
        return core_schema.is_instance_schema(cls)


class ToolFault(Exception):
    """The call did not work. The text is for the model, which may try something else; it holds
    nothing that a user must not read. What happened in truth is the cause, for the log."""


class InvalidArguments(ToolFault):
    """The model's arguments do not fit; nothing was called. The text says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What a tool returns that has more to give than a text for the model. All of it is kept with
    the result, and goes out with the end of the turn.

    `citations` are what the text rests on, as clients see it (`shared.runner.citations`).
    `directive` asks the client for something; the last one of a turn counts. `escalation` says why
    a person should take over.
    """

    text: str
    citations: Sequence[Mapping[str, Any]] = ()
    directive: Mapping[str, Any] | None = None
    escalation: str | None = None

    def kept(self) -> dict[str, Any]:
        """What is noted beside the text; empty if there is nothing."""
        named = {
            "citations": [dict(each) for each in self.citations],
            "directive": self.directive,
            "escalation": self.escalation,
        }
        return {name: value for name, value in named.items() if value}


class Tool(Protocol):
    """One tool. It may be called from several threads at once.

    `parameters` is a JSON schema of type object. `repeatable`: safe to run twice, also at the same
    time; only such a call is made again when a crash leaves unknown whether it had taken effect.
    `parallel`: may run beside other calls of the same reply. `timeout` is in seconds.
    """

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, Any]: ...

    @property
    def repeatable(self) -> bool: ...

    @property
    def parallel(self) -> bool: ...

    @property
    def timeout(self) -> float: ...

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> str | ToolResult:
        """Call it and wait; the result as text, JSON unless the tool returned text, or with what
        goes with it. The caller bounds the time and cuts the text.

        Raises:
            InvalidArguments: they do not fit `parameters`; nothing was called.
            ToolFault: it did not work, in words for the model. Any other exception is a fault of
                the tool: the caller logs it and tells the model only that it failed.
        """
        ...
