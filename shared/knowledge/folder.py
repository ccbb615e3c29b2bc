"""Documents in a folder of this machine: every Markdown file below it."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.knowledge.documents import (
    MAX_DOCUMENT,
    MAX_ID,
    SUFFIX,
    Listed,
    check_count,
    id_fault,
)
from shared.knowledge.port import KnowledgeUnavailable

LINK = "is a symbolic link, which is not followed; put the file itself here"

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Folder:
    """The documents of `base`/`path`. Symbolic links lead nowhere, whatever they point at: neither
    one of a file, nor of a folder, nor one on the way from `base`. What begins with a dot is no
    document."""

    def __init__(self, base: Path, path: str) -> None:
        self.shown = path.removesuffix("/")
        self._base = base
        self._root = base / self.shown

    def listed(self) -> Sequence[Listed]:
        found: list[Listed] = []
        try:
            self._check_root()
            for entry, name in self._entries(self._root, ""):
                status = entry.stat(follow_symlinks=False)
                version = f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"
                fault = f"it {LINK}" if entry.is_symlink() else id_fault(name)
                found.append(Listed(id=name, version=version, size=status.st_size, fault=fault))
                check_count(len(found), self.shown)
        except OSError as fault:
            raise KnowledgeUnavailable(f"The folder {self.shown} cannot be read.") from fault
        return sorted(found, key=lambda each: each.id)

    def read(self, wanted: Sequence[Listed]) -> Iterator[bytes]:
        for each in wanted:
            try:
                with os.fdopen(os.open(self._root / each.id, _FLAGS), "rb") as file:
                    yield file.read(MAX_DOCUMENT + 1)
            except OSError as fault:
                raise KnowledgeUnavailable(f"{self.shown}/{each.id} cannot be read.") from fault

    def _check_root(self) -> None:
        """Whether it is a folder below the base, and no link leads there."""
        step = self._base
        for name in self.shown.split("/"):
            step /= name
            if step.is_symlink():
                raise KnowledgeUnavailable(f"The folder {self.shown} {LINK}.")
        if not self._root.is_dir():
            raise KnowledgeUnavailable(f"There is no folder {self.shown} beside the agents.")

    def _entries(self, folder: Path, above: str) -> Iterator[tuple["os.DirEntry[str]", str]]:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False) and len(above) <= MAX_ID:
                yield from self._entries(Path(entry.path), f"{above}{entry.name}/")
            elif entry.name.endswith(SUFFIX) and _is_file(entry):
                yield entry, above + entry.name
            elif entry.is_dir():
                # A link, or too deep. A whole folder of documents would be missing, and nobody
                # would know why.
                yield entry, above + entry.name


def _is_file(entry: "os.DirEntry[str]") -> bool:
    return entry.is_symlink() or stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
