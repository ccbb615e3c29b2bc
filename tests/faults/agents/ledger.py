"""Tools that note each run in a file beside them, before they return."""

import json
import os
from pathlib import Path

from shared.tools.port import ToolContext

LEDGER = Path(__file__).with_name("runs")


def look(subject: str, context: ToolContext) -> str:
    """Look something up.

    Args:
        subject: What to look up.
    """
    _note("look", context, subject=subject)
    return f"{subject} is there"


def pay(amount: int, context: ToolContext) -> str:
    """Pay an amount.

    Args:
        amount: How much.
    """
    _note("pay", context, amount=amount)
    return f"paid {amount}"


def _note(tool: str, context: ToolContext, **arguments: object) -> None:
    run = {"tool": tool, "key": context.idempotency_key, "process": os.getpid()}
    line = json.dumps({**run, "arguments": arguments})
    file = os.open(LEDGER, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)
