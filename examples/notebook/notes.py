"""Tools that work for the user who asks: each has a folder of notes, below NOTES_FOLDER."""

import hashlib
import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.tools.port import ToolContext, ToolFault

MAX_NOTES = 100


def write_note(
    text: Annotated[str, Field(min_length=1, max_length=1000)], context: ToolContext
) -> str:
    """Write a note down.

    Args:
        text: What to remember.
    """
    folder = _folder(context)
    folder.mkdir(parents=True, exist_ok=True)
    # A call that a crash interrupted is made again with the same key: it must not count twice.
    note = folder / f"{_digest(context.idempotency_key)}.txt"
    if not note.exists() and len(list(folder.iterdir())) >= MAX_NOTES:
        raise ToolFault(f"There are {MAX_NOTES} notes already; no more fit.")
    note.write_text(text, encoding="utf-8")
    return "Written."


def read_notes(context: ToolContext) -> list[str]:
    """Read all notes."""
    notes = sorted(_folder(context).glob("*.txt"), key=lambda note: note.stat().st_mtime_ns)
    return [note.read_text(encoding="utf-8") for note in notes]


def _folder(context: ToolContext) -> Path:
    # Names of tenants and users may hold anything that prints, so they are no names of folders.
    folder = Path(os.environ.get("NOTES_FOLDER", "notes"))
    return folder / _digest(context.tenant) / _digest(context.user)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
