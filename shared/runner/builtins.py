"""Tools that Parley itself brings: the questions that an agent asks its user.

A form is offered where the client can show it, or where the agent's configuration names it; once
called, in whatever conversation, it goes on being offered there. Without the client's help it is
asked for in words, and what was said comes back through `submit_interaction`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from shared.interactions.kinds import KINDS
from shared.interactions.submitting import SUBMIT
from shared.runner.history import Message
from shared.tools.port import InvalidArguments

IDENTITY = "request_identity_intake"
MAX_QUESTION = 4000
"""Characters of a question to the user."""


class Described(Protocol):
    """What the model is told of a tool."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, Any]: ...


class UserInput:
    """`request_user_input`: the turn ends with a question, and the user's next message is the
    result of the call."""

    name = "request_user_input"
    description = (
        "Ask the user a question that you need answered before you can go on. Your turn ends with "
        "the question; the user's next message is the result of this call. Ask one thing at a time."
    )
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "question": {
                "type": "string",
                "description": f"The question, up to {MAX_QUESTION} characters.",
            }
        },
        "required": ["question"],
    }


USER_INPUT = UserInput()


class _Form:
    """The tool that raises one kind of interaction."""

    def __init__(self, name: str, description: str, parameters: Mapping[str, Any]) -> None:
        self.name = name
        self.description = description
        self.parameters = parameters


FORMS = {kind.tool: _Form(kind.tool, kind.description, kind.parameters) for kind in KINDS}


def is_form(name: str) -> bool:
    """Whether this is a tool that every agent may call for a question to its user."""
    return name in FORMS or name == SUBMIT.name


def offered(
    named: frozenset[str], renders: frozenset[str], messages: Iterable[Message]
) -> Sequence[Described]:
    """The built-in tools that the model is told of: `named` by the agent's configuration, and such
    that the client `renders` or that stand in the `messages`."""
    called = {
        str(block.get("name"))
        for entry in messages
        for block in entry.get("content") or ()
        if block.get("type") == "tool_use"
    }
    found: list[Described] = []
    in_words = SUBMIT.name in named | called
    for kind in KINDS:
        if kind.capability in renders:
            found.append(FORMS[kind.tool])
        elif kind.tool in named | called:
            found.append(FORMS[kind.tool])
            in_words = True
    if in_words:
        found.append(SUBMIT)
    if USER_INPUT.name in named:
        found.append(USER_INPUT)
    return found


def question_of(arguments: Mapping[str, Any]) -> str:
    """What `request_user_input` asks. Raises InvalidArguments."""
    question = arguments.get("question")
    if not isinstance(question, str) or not question.strip():
        raise InvalidArguments("question: must be the text of the question.")
    if len(question) > MAX_QUESTION:
        raise InvalidArguments(f"question: may have {MAX_QUESTION} characters. Shorten it.")
    return question.strip()
