"""The port of a kind of question: one that the model asks, a client shows and a user answers.

A client that lists a kind's capability in `supports` gets the `spec` with `interaction_required`
and answers with `values`. Any other client gets what the model asks in words, and the model hands
the answers in with `SUBMIT_TOOL`. A kind neither reads nor writes anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

ATTENTION = "Some fields need attention."
SUBMIT_TOOL = "submit_interaction"
MAX_SPEC_BYTES = 16 * 1024
"""JSON of a spec, as UTF-8."""


@dataclass(frozen=True)
class FieldFault:
    """One field that is wrong. `message` goes on where the field's name ends. Where there is a
    spec, both are made of it and of our words, and have nothing in them that the user sent."""

    field: str
    message: str


class InvalidValues(ValueError):
    """The values do not answer what was asked. Its text is `ATTENTION`."""

    faults: tuple[FieldFault, ...]
    """What is wrong, each thing once; at least one."""

    def __init__(self, faults: Iterable[FieldFault]) -> None:
        super().__init__(ATTENTION)
        self.faults = tuple(dict.fromkeys(faults))
        if not self.faults:
            raise ValueError("InvalidValues needs at least one fault")


@dataclass(frozen=True, kw_only=True)
class Raised:
    """What is shown. `spec` is normalised JSON of at most `MAX_SPEC_BYTES`; a `reason` of ""
    means that the model gave none."""

    spec: Mapping[str, Any]
    reason: str


class Kind(Protocol):
    """One kind of question. It may be asked from several threads at once."""

    @property
    def name(self) -> str: ...

    @property
    def capability(self) -> str:
        """What a client that can show it lists in `supports`."""
        ...

    @property
    def tool(self) -> str:
        """The name of the tool with which the model asks; its `description` and `parameters`
        (a JSON schema of type object) are what the model is told of it."""
        ...

    @property
    def description(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, Any]: ...

    def raised(self, arguments: Mapping[str, Any]) -> Raised:
        """What the model asked. The spec and the reason, given as arguments, come out unchanged.

        Raises:
            InvalidArguments: (of `shared.tools.port`) what is wrong and where, for the model.
        """
        ...

    def validate(self, spec: Mapping[str, Any], values: Any) -> dict[str, Any]:
        """The values, normalised: validated again, they come out unchanged. `spec` is one that
        `raised` made; `values` is whatever a client sent.

        Raises:
            InvalidValues: they do not answer the spec.
        """
        ...

    def validate_alone(self, values: Any) -> dict[str, Any]:
        """The same without a spec, for what was asked in words only: everything is checked that
        can be, and what answers nothing at all is refused.

        Raises:
            InvalidValues: they could answer no spec.
        """
        ...

    def ask(self, raised: Raised) -> str:
        """What the model is told when the client cannot show it: to ask in words, one thing after
        another, and then to call `SUBMIT_TOOL`."""
        ...

    def contact(self, values: Mapping[str, Any]) -> dict[str, str]:
        """What of validated values is kept with the session: any of name, email, phone."""
        ...
