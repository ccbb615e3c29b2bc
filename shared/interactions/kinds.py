"""The kinds of questions that there are. A new kind is a file of its own and an entry here."""

from collections.abc import Iterable

from shared.interactions.choices import Choices
from shared.interactions.identity_intake import IdentityIntake
from shared.interactions.port import Kind

KINDS: tuple[Kind, ...] = (Choices(), IdentityIntake())


def by_name(name: str, kinds: Iterable[Kind] = KINDS) -> Kind | None:
    """The kind of this name; None if there is none."""
    return next((kind for kind in kinds if kind.name == name), None)


def by_tool(tool: str, kinds: Iterable[Kind] = KINDS) -> Kind | None:
    """The kind that this tool asks; None if it asks none."""
    return next((kind for kind in kinds if kind.tool == tool), None)
