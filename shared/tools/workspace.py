"""The files of one conversation: what its user attached and what its agent wrote.

They lie in Artifacts below `conversations/<tenant>/<conversation>/files/`. Tenant and conversation
come from whoever runs the turn, and a path can name nothing but what lies below.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from shared.storage.artifacts import MAX_NAME_BYTES, MAX_PART_BYTES, Artifacts

MAX_FILES = 200
"""Files of one conversation."""

MAX_TOTAL_BYTES = 500 * 1024 * 1024
"""Bytes of all files of one conversation."""

MAX_PATH_BYTES = 400
MAX_DEPTH = 8


class BadPath(ValueError):
    """No file can be there. The text is a whole sentence."""


class NoRoom(Exception):
    """The conversation has as many files, or as many bytes, as it may. A whole sentence."""


@dataclass(frozen=True)
class Entry:
    """A file: its path in the workspace, its bytes, and when it was written (ms)."""

    path: str
    size: int
    written_at: int


def checked_path(path: str) -> str:
    """The path in its one form (Unicode NFC).

    Raises:
        BadPath: it could lead out of the workspace, or is one that not every file system can have.
    """
    if not isinstance(path, str) or not path:
        raise BadPath("A path must be a text such as notes/summary.md.")
    path = unicodedata.normalize("NFC", path)
    if path.startswith("/") or "\\" in path or ":" in path:
        raise BadPath("A path is relative, with / between its parts, and has no \\ and no colon.")
    parts = path.split("/")
    if len(parts) > MAX_DEPTH or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise BadPath(f"A path has up to {MAX_DEPTH} parts and {MAX_PATH_BYTES} bytes.")
    for part in parts:
        if part in ("", ".", ".."):
            raise BadPath("A path has no empty part, no . and no .. in it.")
        if not part.isprintable() or part != part.strip() or part.endswith("."):
            raise BadPath(
                "The parts of a path are printable, and do not begin or end with a space or end "
                "with a dot."
            )
        if len(part.encode()) > MAX_PART_BYTES:
            raise BadPath(f"A part of a path has up to {MAX_PART_BYTES} bytes.")
    return path


def conversation_folder(tenant: str, conversation: str) -> str:
    """Below what the files of a conversation lie in Artifacts; ends in a slash."""
    return f"conversations/{quote(tenant, safe='')}/{conversation}/"


def _may() -> None:
    """Nothing forbids a write."""


class Workspace:
    """The files of one conversation. What its methods read is bounded by `MAX_FILES`. All raise
    `ArtifactsUnavailable`, and what they are given as a path is checked before. `may_write` is
    called right before a write, and prevents it by raising."""

    def __init__(
        self,
        artifacts: Artifacts,
        tenant: str,
        conversation: str,
        *,
        max_bytes: int = MAX_TOTAL_BYTES,
        may_write: Callable[[], None] = _may,
    ) -> None:
        self._artifacts = artifacts
        self._may_write = may_write
        self._max = max_bytes
        self._base = f"{conversation_folder(tenant, conversation)}files/"

    def files(self) -> list[Entry]:
        """All, in the order of their paths."""
        listing = self._artifacts.list(self._base, limit=MAX_FILES)
        return [self._entry(each.name, each.size, each.written_at) for each in listing.artifacts]

    def find(self, path: str) -> Entry | None:
        """The file, if there is one. Raises BadPath."""
        name = self.name(path)
        listing = self._artifacts.list(name, limit=1)
        # The shortest of those that begin so comes first.
        found = [each for each in listing.artifacts if each.name == name]
        return self._entry(found[0].name, found[0].size, found[0].written_at) if found else None

    def read(self, path: str, *, at_most: int) -> bytes | None:
        """The file; None if there is none or it is larger. Raises BadPath."""
        entry = self.find(path)
        if entry is None or entry.size > at_most:
            return None
        return self._artifacts.get(self.name(entry.path))

    def write(self, path: str, data: bytes, content_type: str) -> str:
        """Write the file, over one that has this very path; the path as it stands.

        Raises:
            BadPath: no file can be there; for what else lies there, too.
            NoRoom: there are too many, or too many bytes.
            Whatever `may_write` raises.
        """
        path = checked_path(path)
        there = {entry.path: entry.size for entry in self.files()}
        check_free(path, there)
        if path not in there and len(there) >= MAX_FILES:
            raise NoRoom(f"The conversation has {MAX_FILES} files, and may have no more.")
        others = sum(size for name, size in there.items() if name != path)
        if others + len(data) > self._max:
            raise NoRoom(f"The files of the conversation may have {self._max} bytes together.")
        name = self.name(path)
        self._may_write()
        self._artifacts.put(name, data, content_type=content_type)
        return path

    def download(self, path: str, content_type: str, *, seconds: int) -> str:
        """A URL by which anybody may save the file. Raises BadPath."""
        name = self.name(path)
        shown_as = name.rpartition("/")[2]
        return self._artifacts.download_link(
            name, shown_as=shown_as, content_type=content_type, seconds=seconds
        )

    def name(self, path: str) -> str:
        """The file's name in Artifacts. Raises BadPath."""
        name = self._base + checked_path(path)
        if len(name.encode()) > MAX_NAME_BYTES:
            raise BadPath("The path is too long. Shorten it.")
        return name

    def _entry(self, name: str, size: int, written_at: int) -> Entry:
        return Entry(name.removeprefix(self._base), size, written_at)


def check_free(path: str, there: "dict[str, int] | set[str]") -> None:
    """Whether a file may lie at the path beside those that are there.

    Raises:
        BadPath: one of them lies there in another spelling, or above or below it: not every file
            system can have both.
    """
    wanted = path.casefold()
    for other in there:
        taken = other.casefold()
        if other != path and taken == wanted:
            raise BadPath(f"There is {other} already; use its spelling or another name.")
        if taken.startswith(f"{wanted}/") or wanted.startswith(f"{taken}/"):
            raise BadPath(f"There is {other} already; a file cannot be a folder too.")
