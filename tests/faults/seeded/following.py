"""One turn as one client has it."""

from tests.faults.seeded.diary import Delivery
from tests.support.frames_client import TERMINAL, streamed


class Following:
    """What it has of the turn; see `Client`."""

    def __init__(self, request_id: str, session: str, message: str | None) -> None:
        """Without a `message` it was asked for by somebody else."""
        self.request_id = request_id
        self.session = session
        self.message = message
        self.acknowledged = message is None
        self.waiting = False
        """For the answer to `resume_turn`: until then nothing counts."""
        self.ended = False
        """Whether the answer said that it has ended: the end is behind it, or must be asked for."""
        self.text = ""
        self.punctual = ""
        """The same without what came from workers that had lost their lease on the way."""
        self.terminal: bytes | None = None
        self.answers = 0
        self.asks = 0
        self.partial = False
        """Whether the end says more than the text: something may have been missed while the message
        was being repeated, or was told by the worker and by a frame's handler at the same time."""

    def hear(self, delivery: Delivery) -> None:
        event = delivery.event
        if self.terminal is not None:
            return
        answer = event["type"] == "immediate_response" and "begin" in event["data"]
        if answer:
            # One that waits is told so at once, and of itself when it begins.
            self.answers += event["data"]["status"] != "queued"
            self.waiting = False
            self.ended = event["data"]["status"] in ("completed", "failed", "cancelled")
            self.partial = event["data"]["begin"] > len(self.text)
        if self.waiting:
            return
        self.text = streamed([event], self.request_id, self.text)
        if not delivery.late:
            self.punctual = streamed([event], self.request_id, self.punctual)
        if event["type"] in TERMINAL:
            self.terminal = delivery.raw
