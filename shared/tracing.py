"""Traces for AWS X-Ray, made of the steps that the log tells of.

While an invocation runs, its turns and their calls of models and tools are gathered; when it ends
they go to the daemon that Lambda runs beside the function, a datagram for each, as parts of the
invocation's own segment. They carry ids and numbers, and nothing that anybody said. What cannot be
sent is dropped.
"""

import json
import logging
import re
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from shared.telemetry import STEPS

Place = Callable[[], tuple[str, str]]
"""Where the daemon listens (host:port), and the trace header of the invocation; each empty if there
is none."""

MAX_SPANS = 1000
"""Of one invocation; the rest of it is not traced."""

_HEADER = b'{"format":"json","version":1}\n'
_TAKEN = "turn taken"
_LEFT = frozenset({"turn ended", "turn waits", "handed over", "lease lost"})
"""With which a worker's run of a turn is over."""

_CALLS = {"model call ended": "gen_ai.request.model", "tool call ended": "gen_ai.tool.name"}
"""Calls, and the field that says of what."""

_NO_NAME = re.compile(r"[^\w\s.:/%&#=+\-@]")


@dataclass
class _Span:
    name: str
    start: float
    end: float
    fields: Mapping[str, Any]
    parent: str | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    def document(self, trace: str, parent: str) -> bytes:
        fault = self.fields.get("error.type") is not None
        told = {re.sub(r"\W", "_", name): value for name, value in self.fields.items()}
        document = {
            "type": "subsegment",
            "id": self.id,
            "trace_id": trace,
            "parent_id": self.parent or parent,
            "name": _NO_NAME.sub("_", self.name)[:200],
            "start_time": self.start,
            "end_time": self.end,
            "annotations": told,
            **({"fault": True} if fault else {}),
        }
        return _HEADER + json.dumps(document, separators=(",", ":")).encode()


class Traces(logging.Handler):
    """Hears the steps. One invocation runs at a time, as on Lambda."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place
        self._guard = Lock()
        self._done: list[_Span] = []
        self._turn: _Span | None = None

    def emit(self, record: logging.LogRecord) -> None:
        step, fields = str(record.msg), vars(record)
        with self._guard:
            if step == _TAKEN:
                self._leave(record.created)
                told = _annotations(step, fields)
                self._turn = _Span("turn", record.created, record.created, told)
            elif step in _CALLS and "duration" in fields:
                start = record.created - float(fields["duration"])
                name = f"{fields['gen_ai.operation.name']} {fields[_CALLS[step]]}"
                parent = self._turn.id if self._turn else None
                told = _annotations(step, fields)
                self._add(_Span(name, start, record.created, told, parent))
            elif step in _LEFT and self._turn is not None:
                self._turn.fields = {**self._turn.fields, **_annotations(step, fields)}
                self._leave(record.created)

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """For one invocation: what was gathered is sent when it ends, whatever it raises."""
        try:
            yield
        finally:
            self._send()

    def _send(self) -> None:
        address, header = self._place()
        with self._guard:
            if self._turn is not None:
                # Nothing said that it was over: so it ended with what came last.
                self._leave(max([self._turn.end, *(span.end for span in self._done)]))
            spans, self._done = self._done, []
        parts = dict(part.split("=", 1) for part in header.split(";") if "=" in part)
        host, _, port = address.rpartition(":")
        if not spans or not port.isdigit() or parts.get("Sampled") != "1":
            return
        trace, parent = parts.get("Root", ""), parts.get("Parent", "")
        # A trace is never worth an error.
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            for span in spans:
                daemon.sendto(span.document(trace, parent), (host, int(port)))

    # -- with the guard held --------------------------------------------------------------

    def _leave(self, at: float) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.end = at
            self._add(turn)

    def _add(self, span: _Span) -> None:
        if len(self._done) < MAX_SPANS:
            self._done.append(span)


def _annotations(step: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a step, and the ids of its turn."""
    known = (*STEPS[_TAKEN].fields, *STEPS[step].fields)
    found = {name: fields[name] for name in known if name in fields}
    return {name: each for name, each in found.items() if isinstance(each, str | int | float)}
