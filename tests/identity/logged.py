"""What the core logs, as it is written."""

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared import logs

Lines = Callable[[], list[dict[str, Any]]]


@contextmanager
def logged() -> Iterator[Lines]:
    """The lines logged so far, for the length of the block."""
    log = logging.getLogger(logs.LOGGER)
    mine = (log.handlers, log.level, log.propagate)
    others = (logging.root.handlers, logging.root.level, threading.excepthook)
    stream = io.StringIO()
    logs.configure("executor", "INFO", stream)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        log.handlers, log.level, log.propagate = mine
        logging.root.handlers, logging.root.level, threading.excepthook = others
