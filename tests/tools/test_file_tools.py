"""The built-in tools for files, as a model uses them."""

from pathlib import Path
from typing import Any

import pytest

from shared.storage.artifacts import ArtifactsUnavailable
from shared.storage.folder import FolderArtifacts
from shared.storage.links import Links
from shared.tools.directives import MAX_SENT, gathered, send_file
from shared.tools.file_tools import PAGE, file_tools
from shared.tools.port import InvalidArguments, ToolFault, ToolResult
from shared.tools.workspace import MAX_FILES, Workspace
from tests.support.clock import FakeClock
from tests.tools.calls import context

NAMES = ("list_files", "read_file", "write_file", "send_file")
LINKS = Links("http://127.0.0.1:1", lambda: "s" * 32, FakeClock())


class Desk:
    def __init__(self, folder: Path) -> None:
        self.artifacts = FolderArtifacts(folder, LINKS)
        self.clock = FakeClock()
        self.context = context(deadline=self.clock.monotonic() + 30)
        own = self.context
        self.files = Workspace(self.artifacts, own.tenant, own.conversation)
        self._tools = {tool.name: tool for tool in file_tools(self.artifacts, self.clock, NAMES)}

    def call(self, name: str, **arguments: Any) -> str | ToolResult:
        return self._tools[name].run(arguments, self.context)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "workspace")


def test_only_named_tools_are_made(desk: Desk) -> None:
    made = file_tools(desk.artifacts, desk.clock, ["escalate", "read_file"])
    assert [tool.name for tool in made] == ["read_file"]
    assert file_tools(desk.artifacts, desk.clock, []) == []


def test_files_are_listed(desk: Desk) -> None:
    assert desk.call("list_files") == "There are no files."
    desk.files.write('a"b.txt', b"12", "text/plain")
    assert desk.call("list_files") == '{"path": "a\\"b.txt", "bytes": 2}'


def test_a_long_text_is_read_in_pages_that_join(desk: Desk) -> None:
    text = "".join(chr(0x61 + n % 26) for n in range(2 * PAGE + 10)) + "é"
    desk.files.write("long.txt", text.encode(), "text/plain")
    read, offset = "", 0
    for _ in range(3):
        page = desk.call("read_file", path="long.txt", offset=offset)
        assert isinstance(page, str)
        body, _, told = page.rpartition("\n[")
        read += body
        offset = len(read)
        assert len(body) <= PAGE
    assert read == text
    assert told == "This was the end of the file.]"
    assert desk.call("read_file", path="long.txt", offset=len(text)) == "[The file ends before.]"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbfhi", "hi"),
        ("hé".encode("utf-16"), "hé"),
        (b"\xfe\xff\x00h", "h"),
        (b"a\r\nb", "a\r\nb"),
    ],
)
def test_texts_in_their_encodings(desk: Desk, data: bytes, text: str) -> None:
    desk.files.write("a.txt", data, "text/plain")
    assert desk.call("read_file", path="a.txt") == text


@pytest.mark.parametrize("data", [b"a\x00b", b"\xff\xfe\x00\xd8\x00", b"\x89PNG\r\n\x1a\n\xff"])
def test_what_is_no_text_is_refused_in_words(desk: Desk, data: bytes) -> None:
    desk.files.write("a.png", data, "image/png")
    with pytest.raises(ToolFault, match=r"no text \(image/png, \d+ bytes\)"):
        desk.call("read_file", path="a.png")


def test_a_file_that_is_written_stands_and_can_be_written_again(desk: Desk) -> None:
    assert desk.call("write_file", path="a/b.md", text="é") == 'Written: "a/b.md", 2 bytes.'
    desk.call("write_file", path="a/b.md", text="x")
    assert desk.files.read("a/b.md", at_most=9) == b"x"


def test_a_file_is_sent_by_a_link_that_the_model_does_not_see(desk: Desk) -> None:
    desk.files.write("a/b.pdf", b"1", "application/pdf")
    sent = desk.call("send_file", path="a/b.pdf")
    assert isinstance(sent, ToolResult)
    assert "http" not in sent.text
    assert sent.directive is not None
    [file] = sent.directive["files"]
    assert (file["name"], file["mimeType"]) == ("b.pdf", "application/pdf")
    grant = LINKS.read(file["url"].rpartition("/")[2])
    assert grant is not None
    assert (grant.method, grant.name) == ("GET", desk.files.name("a/b.pdf"))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read_file", {}),
        ("read_file", {"path": 5}),
        ("read_file", {"path": "../x"}),
        ("read_file", {"path": "a", "offset": -1}),
        ("read_file", {"path": "a", "limit": 0}),
        ("read_file", {"path": "a", "limit": True}),
        ("read_file", {"path": "a", "limit": PAGE + 1}),
        ("read_file", {"path": "a", "tenant": "b"}),
        ("write_file", {"path": "a"}),
        ("write_file", {"path": "a", "text": 1}),
        ("write_file", {"path": "a", "text": "x" * (1024 * 1024 + 1)}),
        ("write_file", {"path": "/etc/passwd", "text": "x"}),
        ("send_file", {"path": "a\x00"}),
    ],
)
def test_arguments_that_do_not_fit(desk: Desk, name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments):
        desk.call(name, **arguments)
    assert desk.files.files() == []


@pytest.mark.parametrize("name", ["read_file", "send_file"])
def test_a_file_that_is_not_there(desk: Desk, name: str) -> None:
    with pytest.raises(ToolFault, match="There is no such file"):
        desk.call(name, path="a")


def test_no_room_and_no_store_are_told_in_words(desk: Desk) -> None:
    for number in range(MAX_FILES):
        desk.artifacts.put(desk.files.name(str(number)), b"")
    with pytest.raises(ToolFault, match="Nothing was written"):
        desk.call("write_file", path="a", text="x")

    class Away(FolderArtifacts):
        def list(self, *_: Any, **__: Any) -> Any:
            raise ArtifactsUnavailable("away")

    [tool] = file_tools(Away(Path(desk.artifacts._base)), desk.clock, ["list_files"])
    with pytest.raises(ToolFault, match="cannot be reached"):
        tool.run({}, desk.context)


def _sent(*names: str) -> dict[str, Any]:
    return send_file([{"name": each, "mimeType": "a/b", "url": f"u-{each}"} for each in names])


def test_files_that_are_sent_add_up_and_the_last_directive_counts() -> None:
    other = {"type": "open_page"}
    assert gathered([]) is None
    assert gathered([None, other, None]) == other
    assert gathered([_sent("a"), None, _sent("b"), _sent("a")]) == _sent("b", "a")
    assert gathered([_sent("a"), other]) == other
    assert gathered([_sent("a"), other, _sent("b")]) == _sent("a", "b")
    many = gathered([_sent(str(number)) for number in range(MAX_SENT + 5)])
    assert many is not None
    assert [each["name"] for each in many["files"]] == [str(n) for n in range(5, MAX_SENT + 5)]
    assert gathered([{"type": "send_file"}]) == send_file([])


def test_a_write_that_is_late_is_not_made(desk: Desk) -> None:
    """Its thread was left behind; the conversation may have been deleted since."""
    desk.call("write_file", path="a.txt", text="old")
    desk.clock.advance(29)
    desk.call("write_file", path="a.txt", text="in time")
    desk.clock.advance(1)
    with pytest.raises(ToolFault, match=r"took too long\. Nothing was written"):
        desk.call("write_file", path="a.txt", text="late")
    assert desk.files.read("a.txt", at_most=9) == b"in time"
