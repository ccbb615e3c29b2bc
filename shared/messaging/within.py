"""A bound for calls that have none of their own: a name's look-up, a function's whole run."""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_Result = TypeVar("_Result")


def within(seconds: float, work: Callable[[], _Result], name: str) -> _Result:
    """What `work` returns or raises, if it ends in time. Otherwise it goes on by itself, on a
    thread of this name, and nobody learns how it ends.

    Raises:
        TimeoutError: it has not ended. `work` must not raise that itself.
    """
    result: Future[_Result] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except Exception as fault:  # noqa: BLE001 - raised where it is waited for
            result.set_exception(fault)

    # The ids that log records carry belong to the caller's work, wherever it runs.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name=name, daemon=True).start()
    return result.result(seconds)
