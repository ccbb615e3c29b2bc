"""What a reference backend can be told to do wrong."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Kind = Literal[
    "status", "status_after", "drop", "drop_after", "slow", "slow_after", "drip", "garbage",
    "envelope", "redirect", "huge", "cut",
]  # fmt: skip
"""What happens:

    status, status_after    an error with `status` (503); with `_after` it has been done
    drop, drop_after        the connection is closed without an answer
    slow, slow_after        nothing for `seconds`, then the answer
    drip                    the answer, byte by byte, `seconds` between them
    garbage                 `status` (200) with what is not JSON
    envelope                `status` (200) with `body`, whatever that is
    redirect                302 to another path of this server
    huge                    200 with `size` bytes of JSON
    cut                     fewer bytes than announced
"""


@dataclass
class Fault:
    """Applies to the next `times` requests (None: to all) of `operation` ("*": of any)."""

    kind: Kind
    operation: str = "*"
    times: int | None = 1
    status: int | None = None
    retry_after: str | None = None
    seconds: float = 0.0
    size: int = 2_000_000
    body: Any = None

    @property
    def commits(self) -> bool:
        """Whether what was asked is done."""
        return self.kind not in ("status", "drop")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Fault":
        known = {each.name for each in fields(cls)}
        if unknown := values.keys() - known:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        return cls(**values)


class Faults:
    """The faults that wait for requests, used in their order."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def next(self, operation: str) -> Fault | None:
        """The fault for this request, if there is one."""
        with self._lock:
            for fault in self._waiting:
                if fault.operation in ("*", operation):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._waiting.remove(fault)
                    return fault
        return None

    def left(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._waiting]
