"""A store that loses some of what is written, in virtual time."""

from shared.storage.table import Operation, Update
from tests.support.faults import Call, Fault


def written(call: Call) -> set[str]:
    """The names that this call changes."""
    return {name for operation in call.operations for name in _names(operation)}


def _names(operation: Operation) -> list[str]:
    changes = operation.changes if isinstance(operation, Update) else ()
    return [str(part) for change in changes for part in getattr(change, "path", ())]


class Losing:
    """A plan: what changes any of these `names` does not reach the store."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def __call__(self, call: Call) -> Fault | None:
        return Fault.LOST_REQUEST if self.names & written(call) else None

    def heal(self) -> None:
        self.names.clear()
