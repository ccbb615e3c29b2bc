"""Built-in tools for the files of a conversation: `list_files`, `read_file`, `write_file` and
`send_file`."""

import json
import mimetypes
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.clock import Clock
from shared.storage.artifacts import Artifacts, ArtifactsUnavailable
from shared.tools.directives import MAX_SENT, send_file
from shared.tools.port import InvalidArguments, ToolContext, ToolFault, ToolResult
from shared.tools.workspace import BadPath, NoRoom, Workspace

PAGE = 30_000
"""Characters of a text that are read at once."""

MAX_READ = 10 * 1024 * 1024
"""Bytes of a file that is read as text."""

MAX_WRITE = 1024 * 1024
LINK_SECONDS = 7 * 86_400
"""For how long a file that was sent can be got; S3 allows no longer."""

_BINARY = 0
"""A byte that no text has."""

_PATH = {"type": "string", "description": "The file's path, as list_files shows it."}
_READ = (
    "Read a text file of this conversation. A long one comes in pages of up to "
    f"{PAGE} characters; go on with the offset that the page ends with."
)

Does = Callable[[Workspace, Mapping[str, Any]], str | ToolResult]


class FileTool:
    """One of them. It works in the workspace of the call's own conversation."""

    timeout = 30.0

    def __init__(
        self,
        artifacts: Artifacts,
        clock: Clock,
        name: str,
        description: str,
        properties: Mapping[str, Any],
        required: Iterable[str],
        does: Does,
    ) -> None:
        self._artifacts = artifacts
        self._clock = clock
        self._does = does
        self.name = name
        self.description = description
        self.repeatable = True
        # What is written is counted, and what is sent has an order.
        self.parallel = name in ("list_files", "read_file")
        self.parameters: Mapping[str, Any] = {
            "type": "object",
            "properties": properties,
            "required": list(required),
            "additionalProperties": False,
        }

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> str | ToolResult:
        unknown = sorted(set(arguments) - set(self.parameters["properties"]))
        missing = sorted(set(self.parameters["required"]) - set(arguments))
        if unknown or missing:
            wrong = f"{missing[0]}: is missing." if missing else "there is an unknown argument."
            raise InvalidArguments(wrong)
        with _told():
            workspace = Workspace(
                self._artifacts,
                context.tenant,
                context.conversation,
                may_write=lambda: self._in_time(context),
            )
            return self._does(workspace, arguments)

    def _in_time(self, context: ToolContext) -> None:
        """Nobody waits for a call that is late: what it would write then may belong to a
        conversation that has been deleted."""
        if self._clock.monotonic() >= context.deadline:
            raise ToolFault("The call took too long. Nothing was written.")


def file_tools(artifacts: Artifacts, clock: Clock, names: Iterable[str]) -> list[FileTool]:
    """Those of the tools that are named, in the order of the names."""
    made: Mapping[str, Callable[[], FileTool]] = {
        "list_files": lambda: FileTool(
            artifacts,
            clock,
            "list_files",
            "List the files of this conversation, those that the user attached too.",
            {},
            (),
            _list,
        ),
        "read_file": lambda: FileTool(
            artifacts,
            clock,
            "read_file",
            _READ,
            {
                "path": _PATH,
                "offset": {
                    "type": "integer",
                    "description": "The character to begin with; 0 for the beginning.",
                },
                "limit": {"type": "integer", "description": f"Characters, up to {PAGE}."},
            },
            ("path",),
            _read,
        ),
        "write_file": lambda: FileTool(
            artifacts,
            clock,
            "write_file",
            "Write a text file of this conversation; one that has the path is replaced. The user "
            "gets it only by send_file.",
            {
                "path": {"type": "string", "description": "Such as summary.md or notes/day-1.txt."},
                "text": {"type": "string", "description": "All that shall stand in it."},
            },
            ("path", "text"),
            _write,
        ),
        "send_file": lambda: FileTool(
            artifacts,
            clock,
            "send_file",
            "Give the user a file of this conversation, with your answer. Up to "
            f"{MAX_SENT} files go with one answer.",
            {"path": _PATH},
            ("path",),
            _send,
        ),
    }
    return [made[name]() for name in names if name in made]


def media_type(path: str) -> str:
    """What a file's name says of its content."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def _list(workspace: Workspace, _: Mapping[str, Any]) -> str:
    found = workspace.files()
    if not found:
        return "There are no files."
    told = ({"path": each.path, "bytes": each.size} for each in found)
    return "\n".join(json.dumps(each, ensure_ascii=False) for each in told)


def _read(workspace: Workspace, arguments: Mapping[str, Any]) -> str:
    path = _text(arguments, "path")
    offset = _number(arguments, "offset", 0, least=0, most=MAX_READ)
    limit = _number(arguments, "limit", PAGE, least=1, most=PAGE)
    entry = workspace.find(path)
    if entry is None:
        raise ToolFault("There is no such file. list_files names those that there are.")
    if entry.size > MAX_READ:
        raise ToolFault(f"The file has {entry.size} bytes; files up to {MAX_READ} can be read.")
    data = workspace.read(path, at_most=MAX_READ)
    text = as_text(data or b"")
    if text is None:
        raise ToolFault(
            f"The file is no text ({media_type(path)}, {entry.size} bytes) and cannot be read."
        )
    page = text[offset : offset + limit]
    if offset + len(page) >= len(text):
        if offset:
            return f"{page}\n[This was the end of the file.]" if page else "[The file ends before.]"
        return page or "The file is empty."
    end = offset + len(page)
    return f"{page}\n[{len(text) - end} more characters; go on with offset {end}.]"


def _write(workspace: Workspace, arguments: Mapping[str, Any]) -> str:
    path, text = _text(arguments, "path"), _text(arguments, "text")
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_WRITE:
        raise InvalidArguments(f"text: may have {MAX_WRITE} bytes. Write several files.")
    written = workspace.write(path, data, "text/plain; charset=utf-8")
    return f"Written: {json.dumps(written, ensure_ascii=False)}, {len(data)} bytes."


def _send(workspace: Workspace, arguments: Mapping[str, Any]) -> ToolResult:
    path = _text(arguments, "path")
    entry = workspace.find(path)
    if entry is None:
        raise ToolFault("There is no such file. list_files names those that there are.")
    kind = media_type(entry.path)
    url = workspace.download(entry.path, kind, seconds=LINK_SECONDS)
    name = entry.path.rpartition("/")[2]
    return ToolResult(
        text=f"The user gets {json.dumps(name, ensure_ascii=False)} with your answer.",
        directive=send_file([{"name": name, "mimeType": kind, "url": url}]),
    )


def as_text(data: bytes) -> str | None:
    """The text that a file holds; None: it holds something else. UTF-8, or UTF-16 if it begins by
    saying so; lines end as they do in the file."""
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        return None if _BINARY in data else data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _text(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments[name]
    if not isinstance(value, str):
        raise InvalidArguments(f"{name}: must be a text.")
    return value


def _number(arguments: Mapping[str, Any], name: str, default: int, *, least: int, most: int) -> int:
    value = arguments.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArguments(f"{name}: must be a whole number from {least} to {most}.")
    return value


@contextmanager
def _told() -> Iterator[None]:
    """What went wrong with files, in words for the model."""
    try:
        yield
    except BadPath as wrong:
        raise InvalidArguments(f"path: {wrong}") from wrong
    except NoRoom as full:
        raise ToolFault(f"{full} Nothing was written.") from full
    except ArtifactsUnavailable as away:
        raise ToolFault("The files cannot be reached just now. Try again.") from away
