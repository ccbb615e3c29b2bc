"""Knowing that a frame has been handled, when nothing answers it."""

import threading
from typing import Any

from shared.conversations.dispatch import Frames
from tests.support.frames_client import FramesClient
from tests.support.gateway import PATIENCE


class Hearing:
    """Counts the frames that clients sent and those that were handled."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sent = 0
        self._handled = 0

    def frames(self, frames: Frames) -> Any:
        """The same handler of frames, listened to."""
        return _Listened(frames, self)

    def client(self, url: str, query: str = "") -> FramesClient:
        """A client whose frames are counted."""
        return _Counted(url, query, self)

    def sent(self) -> None:
        with self._changed:
            self._sent += 1

    def handled(self) -> None:
        with self._changed:
            self._handled += 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until everything that was sent has been handled."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._handled >= self._sent, PATIENCE)
            assert done, f"{self._handled} of {self._sent} frames were handled"


class _Listened:
    def __init__(self, frames: Frames, hearing: Hearing) -> None:
        self._frames = frames
        self._hearing = hearing

    def handle(self, connection: str, body: str | None, *, is_base64: bool) -> None:
        try:
            self._frames.handle(connection, body, is_base64=is_base64)
        finally:
            self._hearing.handled()


class _Counted(FramesClient):
    def __init__(self, url: str, query: str, hearing: Hearing) -> None:
        super().__init__(url, query)
        self._hearing = hearing

    def send(self, frame: Any) -> None:
        self._hearing.sent()
        super().send(frame)
