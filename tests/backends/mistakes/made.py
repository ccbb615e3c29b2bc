"""How the tables are written."""

from typing import NamedTuple

from shared.backends.agents import Agent

GOOD = "name: Support\ninstructions: Help.\n"
REQUEST = 'http: {url: "https://example.com"}'
NO_VARIABLE = (
    "which is no variable; of those that begin with system__ there are system__time, system__date, "
    "system__conversation_id and system__user"
)
FIELDS = ", ".join(name for name in Agent.model_fields if name != "id")


class Mistake(NamedTuple):
    """A file, and what is said of it: the line (None for the whole file) and the reason."""

    about: str
    file: str | bytes
    line: int | None
    reason: str


def python(*fields: str) -> str:
    """An agent with a Python tool, these fields of which begin in line 5."""
    return GOOD + "tools:\n  - python: orders:find\n" + "".join(f"    {each}\n" for each in fields)


def far(*fields: str) -> str:
    """An agent with a tool that describes itself, these fields of which begin in line 7."""
    described = "  - name: far\n    description: Far.\n    parameters: {type: object}\n"
    return GOOD + "tools:\n" + described + "".join(f"    {each}\n" for each in fields)


def schema(first: str, *more: str) -> str:
    """An agent with a tool whose `parameters` begin in line 7."""
    described = f"  - name: far\n    description: Far.\n    {REQUEST}\n    parameters: {first}\n"
    return GOOD + "tools:\n" + described + "".join(f"    {each}\n" for each in more)


def steps(*lines: str) -> str:
    """An agent with a workflow whose steps begin in line 6."""
    return GOOD + "workflow:\n  goal: Solve it\n  steps:\n" + "".join(f"    {x}\n" for x in lines)
