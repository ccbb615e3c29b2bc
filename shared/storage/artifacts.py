"""The Artifacts port: files by relative path, in S3 (`s3.py`) or a folder (`folder.py`).

A name is a relative path with `/` between its parts: at most 900 bytes of UTF-8, each part 1 to
200 bytes, no part `.` or `..`, no control characters, no backslash. Both adapters refuse any
other name, so what works on the laptop works in S3. A name is never the folder of another one.
The top folder `.parley` is the laptop's own (its database, its secret) and no name of anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

MAX_NAME_BYTES = 900
MAX_PART_BYTES = 200
RESERVED_FOLDER = ".parley"


@dataclass(frozen=True)
class Artifact:
    """What a listing tells: the name, its size in bytes and when it was written (ms)."""

    name: str
    size: int
    written_at: int


@dataclass(frozen=True)
class Listing:
    """Part of a listing, in the order of the names' UTF-8 bytes; more follow the cursor."""

    artifacts: list[Artifact]
    cursor: str | None


@dataclass(frozen=True, kw_only=True)
class UploadLink:
    """A place for one file. Whoever knows `url` may send it there, with this `method` and these
    `headers`, until it expires: it is a secret."""

    url: str
    method: str = "PUT"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class ArtifactExists(Exception):
    """`put` with `if_absent` found something under the name."""


class ArtifactsUnavailable(Exception):
    """The store could not answer; a write may have taken effect."""


def check_name(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: it is not a name (see the module's text).
    """
    parts = name.split("/")
    if parts[0].casefold() == RESERVED_FOLDER:
        raise ValueError("an artifact's name begins with a reserved folder")
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES or "\\" in name:
        raise ValueError("an artifact's name is too long or has a backslash")
    for part in parts:
        encoded = part.encode("utf-8", "replace")
        if part in ("", ".", "..") or len(encoded) > MAX_PART_BYTES:
            raise ValueError("an artifact's name has an empty, relative or over-long part")
        if not part.isprintable():
            raise ValueError("an artifact's name has characters that do not print")
    return name


class Artifacts(Protocol):
    """What the core knows of its file store. Every method refuses bad names with ValueError."""

    def put(
        self,
        name: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
    ) -> None:
        """Write the whole file at once; readers see the old one or the new one.

        Raises:
            ArtifactExists: `if_absent`, and there is one.
            ArtifactsUnavailable: no answer.
        """
        ...

    def get(self, name: str) -> bytes | None:
        """The whole file, or None."""
        ...

    def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> Listing:
        """Files whose names begin with `prefix` (any string), at most `limit` a page."""
        ...

    def delete(self, name: str) -> None:
        """Remove the file if it is there."""
        ...

    def upload_link(self, name: str, *, content_type: str, size: int, seconds: int) -> UploadLink:
        """Where somebody without our credentials may put this file: of exactly `size` bytes, as
        this content type, within so many seconds.

        Raises:
            ArtifactsUnavailable: there are no credentials or no secret to sign with.
        """
        ...

    def download_link(self, name: str, *, shown_as: str, content_type: str, seconds: int) -> str:
        """A URL by which anybody may get the file, to be saved as `shown_as`, for so many seconds;
        with temporary credentials only for as long as those live. Whether there is such a file is
        not looked up. Raises like `upload_link`."""
        ...


def saved_as(name: str) -> str:
    """The header that has a browser save a file under this name, and never show it."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
