"""The tool with which the model hands in what a user answered in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.interactions.kinds import KINDS, by_name
from shared.interactions.port import SUBMIT_TOOL, InvalidValues, Kind
from shared.interactions.reading import Shape, read_arguments
from shared.protocol.faults import Fault
from shared.tools.arguments import refusal

_DESCRIPTION = """\
Hand in what the user answered in words, after a tool told you that it could not show its \
questions and what to submit. Call it only when the user has answered, and only with what they \
said. Returns JSON: the status "submitted", and the values as they are kept."""


class SubmitTool:
    """What the model is told of the tool."""

    name = SUBMIT_TOOL
    description = _DESCRIPTION

    def __init__(self, kinds: Sequence[Kind] = KINDS) -> None:
        self.parameters: Mapping[str, Any] = {
            "type": "object",
            "properties": {
                "kind": {
                    "enum": [kind.name for kind in kinds],
                    "description": "What was asked, as you were told.",
                },
                "values": {
                    "type": "object",
                    "description": "The answers, in the form that you were told.",
                },
            },
            "required": ["kind", "values"],
            "additionalProperties": False,
        }


SUBMIT = SubmitTool()


class _Submission(Shape):
    kind: str
    values: dict[str, Any]


def submitted_by_model(
    arguments: Mapping[str, Any], kinds: Sequence[Kind] = KINDS
) -> tuple[Kind, dict[str, Any]]:
    """The kind, and the values as `Kind.validate_alone` has them: what was asked in words has no
    spec that they could be held against.

    Raises:
        InvalidArguments: the arguments or the values do not fit; it names each wrong field.
    """
    submission = read_arguments(_Submission, arguments)
    kind = by_name(submission.kind, kinds)
    if kind is None:
        names = ", ".join(f'"{each.name}"' for each in kinds)
        raise refusal([Fault(("kind",), f"must be one of {names}")])
    try:
        return kind, kind.validate_alone(submission.values)
    except InvalidValues as wrong:
        found = wrong.faults
    raise refusal(Fault(_path(each.field), each.message) for each in found)


def _path(field: str) -> tuple[str, ...]:
    return ("values",) if field == "values" else ("values", field)
