"""Reading a message from the keyboard."""

import threading
from collections.abc import Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from shared.cli.chat.history import history

PROMPT = "> "
CONTINUED = "… "
AGAIN = "Ctrl-C again leaves"


class Prompt:
    """The line editor, with a history in `folder`."""

    def __init__(self, folder: Path, commands: Sequence[str]) -> None:
        self._session: PromptSession[str] = _editor(history(folder), commands)

    def read(self) -> str:
        """The next message.

        Raises:
            EOFError: the person wants to leave: Ctrl-D, or Ctrl-C twice; the
                first one clears the line.
        """
        return self._session.prompt(PROMPT)


def _editor(past: History, commands: Sequence[str]) -> "PromptSession[str]":
    keys = KeyBindings()
    pressed = threading.Event()

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def alt_enter(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def ctrl_c(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.text or not pressed.is_set():
            buffer.reset()
            pressed.set()
        else:
            event.app.exit(exception=EOFError)

    def hint() -> str:
        return AGAIN if pressed.is_set() else ""

    session: PromptSession[str] = PromptSession(
        rprompt=hint,
        key_bindings=keys,
        history=past,
        completer=WordCompleter(list(commands), sentence=True),
        complete_while_typing=False,
        prompt_continuation=CONTINUED,
    )
    session.default_buffer.on_text_insert += lambda _: pressed.clear()
    return session
