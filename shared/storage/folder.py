"""Artifacts in a folder of a POSIX system.

Every step of a path is opened relative to the one before it and never through a symbolic link,
so whatever else writes into the folder cannot lead a read or a write out of it.
"""

import errno
import os
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from shared.storage.artifacts import (
    Artifact,
    ArtifactExists,
    ArtifactsUnavailable,
    Listing,
    UploadLink,
    check_name,
)
from shared.storage.links import Grant, Links

# No name has a backslash, so nothing in this folder is ever read or listed as an artifact.
_UNFINISHED = "\\unfinished"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# What a name meets when a part of it is a file, a folder or a link and should not be.
_IN_THE_WAY = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ELOOP})


class FolderArtifacts:
    """The files below `base`, which is made when it does not exist.

    A file is written beside and moved into its place, so it is there whole or not at all, even
    if the process dies. Times are those of the file system. Files whose paths are not names,
    and links, are not listed. `links` make the URLs of files; without them there are none.
    """

    def __init__(self, base: Path, links: Links | None = None) -> None:
        self._links = links
        base.mkdir(parents=True, exist_ok=True)
        self._base = base.resolve()

    def put(
        self,
        name: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
    ) -> None:
        del content_type  # a folder has no place for it
        *parents, last = check_name(name).split("/")
        with _translated(), self._folder([_UNFINISHED], make=True) as unfinished:
            temporary = uuid.uuid4().hex
            try:
                _write_new(temporary, data, unfinished)
                with self._folder(parents, make=True) as folder:
                    move = os.link if if_absent else os.replace
                    move(temporary, last, src_dir_fd=unfinished, dst_dir_fd=folder)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=unfinished)

    def get(self, name: str) -> bytes | None:
        *parents, last = check_name(name).split("/")
        with _translated(missing_is_fine=True), self._folder(parents) as folder:
            return _read(last, folder)
        return None

    def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> Listing:
        if limit < 1:
            raise ValueError("a page has at least one artifact")
        page: list[Artifact] = []
        with (
            _translated(),
            self._folder([]) as base,
            closing(_walk(base, "", prefix, cursor or "")) as found,
        ):
            for artifact in found:
                if len(page) == limit:
                    return Listing(page, page[-1].name)
                page.append(artifact)
        return Listing(page, None)

    def delete(self, name: str) -> None:
        *parents, last = check_name(name).split("/")
        with _translated(missing_is_fine=True), self._folder(parents) as folder:
            os.unlink(last, dir_fd=folder)

    def upload_link(self, name: str, *, content_type: str, size: int, seconds: int) -> UploadLink:
        grant = Grant("PUT", check_name(name), content_type, size, "")
        return UploadLink(url=self._url(grant, seconds), headers={"Content-Type": content_type})

    def download_link(self, name: str, *, shown_as: str, content_type: str, seconds: int) -> str:
        return self._url(Grant("GET", check_name(name), content_type, 0, shown_as), seconds)

    def _url(self, grant: Grant, seconds: int) -> str:
        if self._links is None:
            raise ArtifactsUnavailable("no links to files are made here")
        return self._links.url(grant, seconds)

    @contextmanager
    def _folder(self, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """A folder below the base, open; with `make`, its missing parts are made."""
        folder = os.open(self._base, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=folder)
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


def _write_new(name: str, data: bytes, folder: int) -> None:
    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_NOFOLLOW, 0o666, dir_fd=folder)

    with open(name, "xb", opener=opener) as file:
        file.write(data)
        file.flush()
        # Before the move: a power cut must not leave the name with an empty file.
        os.fsync(file.fileno())


def _read(name: str, folder: int) -> bytes:
    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_NOFOLLOW, dir_fd=folder)

    with open(name, "rb", opener=opener) as file:
        return file.read()


def _walk(folder: int, above: str, prefix: str, after: str) -> Generator[Artifact, None, None]:
    """The artifacts below an open folder in the order of their names, from `after` on.

    `above` is the folder's own path, empty or with a slash at its end. Folders are sorted with
    that slash, as it stands in the names; those that hold nothing wanted are not opened.
    """
    with os.scandir(folder) as entries:
        found = sorted(
            ((_path(above, entry), entry) for entry in entries), key=lambda pair: pair[0]
        )
    for path, entry in found:
        if not _is_name(path.rstrip("/")):
            continue
        if path.endswith("/"):
            if _may_hold(path, prefix, after):
                inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                try:
                    yield from _walk(inner, path, prefix, after)
                finally:
                    os.close(inner)
        elif path.startswith(prefix) and path > after and entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            yield Artifact(path, status.st_size, status.st_mtime_ns // 1_000_000)


def _path(above: str, entry: "os.DirEntry[str]") -> str:
    return above + entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")


def _may_hold(folder: str, prefix: str, after: str) -> bool:
    wanted = folder.startswith(prefix) or prefix.startswith(folder)
    return wanted and (folder > after or after.startswith(folder))


def _is_name(path: str) -> bool:
    try:
        check_name(path)
    except ValueError:
        return False
    return True


@contextmanager
def _translated(*, missing_is_fine: bool = False) -> Iterator[None]:
    """The port's errors for those of the system; a missing file may end the block in silence."""
    try:
        yield
    except FileExistsError as error:
        raise ArtifactExists("there is a file under this name") from error
    except OSError as error:
        in_the_way = error.errno in _IN_THE_WAY
        if missing_is_fine and (in_the_way or error.errno == errno.ENOENT):
            return
        if in_the_way:
            raise ValueError("a part of the name is a file, a folder or a link") from error
        raise ArtifactsUnavailable("the folder could not be read or written") from error
