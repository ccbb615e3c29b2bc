"""Where the model and the tools of a scenario wait until the scenario lets them go on."""

import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from tests.support.gateway import PATIENCE


class Gate:
    """Closed until it is opened for good."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def wait(self) -> bool:
        """Wait until it is open; False if nobody ever opened it."""
        self._reached.set()
        return self._open.wait(PATIENCE)

    def reached(self) -> bool:
        """Wait until somebody stands before it; False if nobody ever does."""
        return self._reached.wait(PATIENCE)

    def open(self) -> None:
        self._open.set()


class Gates:
    """The gates of one scenario by name, which all stand open after the `with` block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gates: dict[str, Gate] = {}
        self._over = False

    def of(self, name: str) -> Gate:
        with self._lock:
            gate = self._gates.setdefault(name, Gate())
            if self._over:
                gate.open()
            return gate

    def open_all(self) -> None:
        with self._lock:
            self._over = True
            for gate in self._gates.values():
                gate.open()

    def __enter__(self) -> Self:
        global _current
        _current = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open_all()


_current = Gates()


def wait_at(name: str) -> None:
    """For the tools of scenarios: hold on until `tool passes: <name>`, or the scenario's end."""
    if not _current.of(name).wait():
        raise AssertionError(f"the scenario never opened the gate {name}")


class GatedTokens(Sequence[str]):
    """Tokens that come out only as far as the gates between them are open."""

    def __init__(self, parts: Sequence[Any], gates: Gates) -> None:
        self._parts = [
            part if isinstance(part, str) else gates.of(_gate_named(part)) for part in parts
        ]
        self._tokens = [part for part in self._parts if isinstance(part, str)]

    def __iter__(self) -> Iterator[str]:
        for part in self._parts:
            if isinstance(part, str):
                yield part
            elif not part.wait():
                raise AssertionError("the scenario never opened a gate")

    def __getitem__(self, index: Any) -> Any:
        return self._tokens[index]

    def __len__(self) -> int:
        return len(self._tokens)


def _gate_named(part: Any) -> str:
    match part:
        case {"gate": str(name)}:
            return name
        case _:
            # YAML reads a bare On, Yes or 7 as something else than a text.
            raise ValueError(f"neither a text nor a gate: {part!r}; quote it")
