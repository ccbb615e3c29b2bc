"""What a tool that describes itself in the configuration says of itself."""

from shared.tools.arguments import Check
from shared.tools.specs import ToolSpec


class Described:
    """The plain part of a `Tool` that an entry of `tools` describes. `check` raises
    InvalidArguments where arguments do not fit the entry's parameters."""

    def __init__(self, spec: ToolSpec, check: Check, timeout: float) -> None:
        self.name = spec.called
        self.description = spec.description or ""
        self.parameters = spec.parameters or {}
        self.repeatable = spec.repeatable
        self.parallel = spec.parallel
        self.timeout = timeout
        self.check = check
