"""The terminal while nobody is asked: what is typed is not shown in the middle of a reply."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from prompt_toolkit.application import get_app_session
from prompt_toolkit.input.typeahead import clear_typeahead

try:
    import termios
except ImportError:  # a system without terminals of this kind
    HAS_TERMIOS = False
else:
    HAS_TERMIOS = True


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keys are not echoed in the block. Ctrl-C still interrupts, and what is typed is kept for
    whoever reads next. The terminal is as it was afterwards, in every case."""
    if not HAS_TERMIOS or not sys.stdin.isatty():
        yield
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(number, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


@contextlib.contextmanager
def signals(interrupted: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C calls `interrupted` in the block; being told to end leaves it as an error would, so
    that everything is put back."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    handlers = {signal.SIGINT: lambda *_: interrupted(), signal.SIGTERM: end}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = end
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def forget_typed() -> None:
    """Drop what was typed and nobody has read yet."""
    clear_typeahead(get_app_session().input)
    if HAS_TERMIOS and sys.stdin.isatty():
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
