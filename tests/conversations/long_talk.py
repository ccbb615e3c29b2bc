"""A conversation that outgrows what its agent remembers, held in one process."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.conversations.items import meta_key
from shared.conversations.memory import summary_key
from shared.models.port import Completed, ModelError, ModelEvent, ModelRequest, TextDelta, Usage
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item
from tests.conversations.rig import box
from tests.wire.scene import Scene

BUDGET = 1000
SMALL = {
    "HISTORY_TOKEN_BUDGET": str(BUDGET),
    "RATE_LIMIT_PER_MINUTE": "0",
    "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0",
}
KEEPS = "You keep the memory"


@dataclass
class Talker:
    """A model that answers everything, and keeps summaries."""

    faults: int = 0
    turns: list[ModelRequest] = field(default_factory=list[ModelRequest])
    kept: list[ModelRequest] = field(default_factory=list[ModelRequest])

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Talk":
        asked = self.kept if request.system.startswith(KEEPS) else self.turns
        asked.append(request)
        fails = asked is self.kept and self.faults > 0
        self.faults -= fails
        what = "Summary" if asked is self.kept else "Answer"
        return Talk(None if fails else f"{what} {len(asked)}. " + "and so on " * 10)


@dataclass
class Talk:
    text: str | None

    def __iter__(self) -> Iterator[ModelEvent]:
        if self.text is None:
            raise ModelError("Down.")
        yield TextDelta(self.text)
        usage = Usage(10, 5, cost_nano_usd=1000)
        yield Completed([{"type": "text", "text": self.text}], "end_turn", usage)

    def close(self) -> None:
        """Nothing goes on."""


class Long:
    """A conversation that is held in one process."""

    def __init__(self, engine: SqliteTable, folder: Path, **environ: str) -> None:
        self.engine, self.folder, self.environ = engine, folder, {**SMALL, **environ}
        self.model = Talker()
        self.number = 0
        self.begin()
        self.scene.connect("c1")
        self.session = self.scene.session("c1")

    def begin(self) -> None:
        """A process that has seen nothing."""
        self.scene = Scene(self.engine, self.folder, **self.environ)
        model: Any = self.model
        self.scene.deployment.model = model

    def say(self, turns: int = 1) -> None:
        for _ in range(turns):
            self.number += 1
            text = f"Question {self.number}. " + "please " * 12
            self.scene.say("c1", self.session, f"r{self.number}", text)
            self.scene.work()
            last = self.scene.events("c1", f"r{self.number}")[-1]
            assert last["type"] == "eventual_response"

    def until_summary(self) -> None:
        while self.summary is None:
            self.say()
            self.scene.work()
            assert self.number < 50

    def item(self, key: Any) -> Item | None:
        return self.scene.deployment.table.get([key])[0]

    @property
    def meta(self) -> dict[str, Any]:
        item = self.item(meta_key(box(self.scene, self.session)))
        assert item is not None
        return dict(item.attrs)

    @property
    def summary(self) -> tuple[int, str] | None:
        item = self.item(summary_key(box(self.scene, self.session)))
        return (item.attrs["upto"], (item.body or {})["text"]) if item else None

    def log(self) -> list[dict[str, Any]]:
        pk = box(self.scene, self.session).partition
        return [
            dict(item.body or {})
            for item in self.scene.deployment.table.query(pk, prefix="MSG#").items
        ]

    def asked(self) -> list[Any]:
        """What the model was told in the last turn."""
        return [message["content"] for message in self.model.turns[-1].messages]
