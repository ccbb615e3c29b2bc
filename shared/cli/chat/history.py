"""What was typed before, kept between runs: one JSON string a line, only for this user."""

import json
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History, InMemoryHistory

KEPT = 1_000
"""Lines that are kept; the file is shortened to this when it has twice as many."""

MAX_FILE_BYTES = 64 * 1024 * 1024


class FileHistory(History):
    """A history in a file. A file that cannot be used any more is no reason to stop: then what
    is typed is remembered for this run."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        """The newest first."""
        return reversed(_lines(self._path)[-KEPT:])

    def store_string(self, string: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(string) + "\n")
        except OSError:
            return


def history(folder: Path) -> History:
    """The history in `folder`, which is made; in memory where that is not possible."""
    path = folder / "history"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        path.chmod(0o600)
        if path.stat().st_size > MAX_FILE_BYTES:
            return InMemoryHistory()
        _shorten(path)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _shorten(path: Path) -> None:
    lines = _lines(path)
    if len(lines) <= 2 * KEPT:
        return
    shorter = path.with_suffix(".new")
    shorter.touch(mode=0o600)
    shorter.write_text("".join(json.dumps(line) + "\n" for line in lines[-KEPT:]), "utf-8")
    shorter.replace(path)


def _lines(path: Path) -> list[str]:
    """All entries; a damaged one is left out."""
    found: list[str] = []
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return found
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, str):
            found.append(entry)
    return found
