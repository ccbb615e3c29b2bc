"""Putting a question to the person at the keyboard, while the conversation goes on being read.

The editor runs in a thread of its own, so that whoever reads the events may take the question off
the screen at any moment. What the person does nudges that reader.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.history import DummyHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from shared.cli.chat.client import Client
from shared.cli.chat.dialogues import time_left
from shared.cli.chat.faults import Interrupted
from shared.cli.chat.terminal import forget_typed

_REFRESH = 1.0


@dataclass(frozen=True)
class Shown:
    """One line to be typed. `expires_at`, in milliseconds since the epoch, is when it is too late;
    None: nobody knows."""

    label: str
    expires_at: int | None


@dataclass(frozen=True)
class Typed:
    """What the person typed; None: they want to leave the question open."""

    text: str | None


class Person(Protocol):
    """Somebody who can be asked, one question at a time. For one thread."""

    def ask(self, question: Shown) -> None:
        """Put the question on the screen, and return. If it stands there, or was answered and
        nobody took the answer, nothing happens; another one that stands there gives way."""
        ...

    def withdraw(self) -> None:
        """Take the question off the screen. What was typed stands there when it is asked again."""
        ...

    def take(self) -> Typed | None:
        """What was typed, once."""
        ...

    def clear(self) -> None:
        """Withdraw the question, and forget all that was typed, also what no question was there
        for: it answers none that comes."""
        ...


class Keyboard:
    """The person at the terminal. `pause` is called before a question appears: nobody else may
    write there then. Ctrl-C interrupts the client, as it does while nobody is asked."""

    def __init__(self, client: Client, pause: Callable[[], None]) -> None:
        self._client = client
        self._pause = pause
        self._keys = _keys()
        self._shown: Shown | None = None
        self._editing: _Editing | None = None
        self._draft = ""

    def ask(self, question: Shown) -> None:
        if self._editing is not None and self._editing.typed is not None:
            # Whoever read meanwhile may have dropped the nudge.
            self._client.nudge()
            return
        if self._editing is not None and self._shown == question:
            return
        self.withdraw()
        if self._shown is None or self._shown.label != question.label:
            self._draft = ""
        self._shown = question
        self._pause()
        self._editing = _Editing(self._client, self._keys, question, self._draft)

    def withdraw(self) -> None:
        if self._editing is None:
            return
        self._editing.withdraw()
        if self._editing.typed is None:
            self._draft = self._editing.draft
            self._editing = None

    def take(self) -> Typed | None:
        if self._editing is None or self._editing.typed is None:
            return None
        typed = self._editing.typed
        self._editing.withdraw()
        self._editing = self._shown = None
        return typed

    def clear(self) -> None:
        self.withdraw()
        self._editing = self._shown = None
        forget_typed()


class _Editing:
    """One question on the screen, from its beginning until somebody ends it. `typed` is set then,
    unless it was withdrawn or interrupted; `draft` is what stood there."""

    def __init__(self, client: Client, keys: KeyBindings, question: Shown, draft: str) -> None:
        self.typed: Typed | None = None
        self.draft = draft
        self._client = client
        self._question = question
        self._begun = threading.Event()
        self._session: PromptSession[str] = PromptSession(
            history=DummyHistory(),
            key_bindings=keys,
            rprompt=self._left,
            refresh_interval=_REFRESH,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="chat-question", daemon=True)
        self._thread.start()

    def withdraw(self) -> None:
        """Take it off the screen, unless it has ended."""
        self._begun.wait()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._erase)
        self._thread.join()

    def _run(self) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self._edit())
        finally:
            self._begun.set()

    async def _edit(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._begun.set()
        ended: Typed | None = Typed(None)
        try:
            text = await self._session.prompt_async(
                self._question.label, default=self.draft, handle_sigint=False
            )
            ended = Typed(text)
        except Interrupted:
            ended = None
            self._client.interrupt()
        except asyncio.CancelledError:
            ended = None
            raise
        except EOFError:
            pass
        finally:
            # Whatever happened: somebody waits for word of it.
            self.draft = self._session.default_buffer.text
            if ended is not None:
                self.typed = ended
                self._client.nudge()

    def _erase(self) -> None:
        if self._task is not None and not self._session.app.is_done:
            self._session.app.erase_when_done = True
            self._task.cancel()

    def _left(self) -> str:
        expires = self._question.expires_at
        return "" if expires is None else time_left(expires - self._client.clock.now())


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("c-c")
    def ctrl_c(event: KeyPressEvent) -> None:
        event.app.exit(exception=Interrupted)

    return keys
