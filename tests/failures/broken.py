"""Replies of a model, and every way in which each can break at each of its events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.local.messages_api import events
from tests.support.messages_api import Step, ToolCall
from tests.support.messages_api_script import reply_for

TEXT = Step(tokens=["Good", " mor", "ning"], input_tokens=10, output_tokens=3)
CALL = Step(
    tokens=["Let", " me see"],
    tool_calls=[ToolCall(name="look", input={"at": "it"})],
    input_tokens=10,
    output_tokens=4,
)
REPLIES: Mapping[str, Step] = {"text": TEXT, "call": CALL}
SECRET = "canary words of the provider"
HOWS = ("drop_after", "truncate_after", "error_after", "silent_after")


def sent(step: Step) -> list[dict[str, Any]]:
    """The events of a whole reply."""
    return list(events(reply_for(step, {"model": "m"}, 1)))


@dataclass(frozen=True)
class Break:
    """A reply that breaks after so many of its events; -1: before the headers."""

    reply: str
    how: str
    after: int

    @property
    def whole(self) -> Step:
        return REPLIES[self.reply]

    @property
    def step(self) -> Step:
        changes: dict[str, Any] = {self.how: self.after}
        if self.how == "silent_after" and self.after < 0:
            changes = {"stall_after": -1}
        return replace(self.whole, **changes, error_message=SECRET)

    @property
    def _passed(self) -> list[dict[str, Any]]:
        return sent(self.whole)[: max(0, self.after)]

    @property
    def spoken(self) -> str:
        """The text that came before the break."""
        deltas = [event["delta"] for event in self._passed if "index" in event and "delta" in event]
        return "".join(delta.get("text", "") for delta in deltas)

    @property
    def input_tokens(self) -> int:
        """What the broken attempt is known to have cost."""
        return self.whole.input_tokens if self._passed else 0

    @property
    def output_tokens(self) -> int:
        """The provider says 1 at the start, and all of them near the end."""
        kinds = [event["type"] for event in self._passed]
        return (self.whole.output_tokens or 0) if "message_delta" in kinds else len(kinds[:1])

    @property
    def name(self) -> str:
        return f"{self.reply}-{self.how}-{self.after}"


def breaks() -> Iterator[Break]:
    for reply, step in REPLIES.items():
        for how in HOWS:
            first = 0 if how in ("truncate_after", "error_after") else -1
            for after in range(first, len(sent(step))):
                yield Break(reply, how, after)
