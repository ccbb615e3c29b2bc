"""The files of a conversation: nothing that a path names lies outside of it."""

from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.storage.artifacts import Artifacts, check_name
from shared.storage.folder import FolderArtifacts
from shared.tools.workspace import MAX_FILES, BadPath, NoRoom, Workspace, checked_path

BASE = "conversations/a%2Fb/c1/files/"
PIECES = st.sampled_from(
    [
        *(
            "..",
            ".",
            "",
            "a",
            "A",
            "notes.txt",
            " ",
            "x ",
            "x.",
            "\\",
            ":",
            "C:",
            "\x00",
            "\n",
            "é",
        ),
        *("e\u0301", "\u202e", "\ud800", "..\\..", "%2e%2e"),
        *("\uff0e\uff0e", "~", "-", "x" * 300, "\uff0e"),
    ]
)
PATHS = st.one_of(st.lists(PIECES, max_size=10).map("/".join), st.text(max_size=30))


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path / "workspace")


@pytest.fixture
def workspace(artifacts: FolderArtifacts) -> Workspace:
    return Workspace(artifacts, "a/b", "c1")


@given(PATHS)
def test_every_path_is_refused_or_stays_inside(path: str) -> None:
    # No file is asked for.
    workspace = Workspace(cast(Artifacts, None), "a/b", "c1")
    try:
        name = workspace.name(path)
    except BadPath:
        return
    assert name.startswith(BASE)
    assert check_name(name) == name
    inside = name.removeprefix(BASE)
    assert ".." not in inside.split("/")
    assert checked_path(inside) == inside


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "./a",
            "a\\b",
            "a\x00",
            "a\nb",
            "C:x",
            " a",
            "a ",
        ),
        *("a.", "a/b./c", "x" * 201, "/".join(["x"] * 9), "/".join(["y" * 150] * 3)),
    ],
)
def test_a_bad_path_is_refused_by_every_method(workspace: Workspace, path: str) -> None:
    for ask in (
        lambda: workspace.find(path),
        lambda: workspace.read(path, at_most=10),
        lambda: workspace.write(path, b"1", "text/plain"),
        lambda: workspace.download(path, "text/plain", seconds=1),
    ):
        with pytest.raises(BadPath):
            ask()
    assert workspace.files() == []


def test_what_is_written_is_listed_and_read(workspace: Workspace) -> None:
    workspace.write("b/c.txt", b"two", "text/plain")
    assert workspace.write("e\u0301.txt", b"one", "text/plain") == "é.txt"
    assert [(each.path, each.size) for each in workspace.files()] == [("b/c.txt", 3), ("é.txt", 3)]
    assert workspace.read("é.txt", at_most=3) == b"one"
    assert workspace.read("é.txt", at_most=2) is None
    assert workspace.read("b/c", at_most=9) is None
    assert workspace.find("b/c.txt.old") is None


def test_one_conversation_sees_nothing_of_another(artifacts: FolderArtifacts) -> None:
    Workspace(artifacts, "a", "c1").write("x", b"1", "text/plain")
    for tenant, conversation in (("a", "c2"), ("b", "c1"), ("a", "c"), ("", "c1")):
        other = Workspace(artifacts, tenant or "A", conversation)
        assert other.files() == []
        assert other.find("x") is None


@pytest.mark.parametrize("path", ["Notes.TXT", "notes.txt/more", "NOTES.txt/more", "folder"])
def test_names_that_some_file_systems_take_for_one_are_refused(
    workspace: Workspace, path: str
) -> None:
    workspace.write("notes.txt", b"1", "text/plain")
    workspace.write("folder/x", b"1", "text/plain")
    with pytest.raises(BadPath, match="already"):
        workspace.write(path, b"2", "text/plain")
    assert workspace.write("notes.txt", b"3", "text/plain") == "notes.txt"


def test_there_is_room_for_so_many(artifacts: FolderArtifacts, workspace: Workspace) -> None:
    for number in range(MAX_FILES):
        artifacts.put(workspace.name(f"{number:03}"), b"1")
    with pytest.raises(NoRoom, match="200 files"):
        workspace.write("one-more", b"1", "text/plain")
    assert workspace.write("000", b"2", "text/plain") == "000"
    small = Workspace(artifacts, "a/b", "c1", max_bytes=300)
    with pytest.raises(NoRoom, match="300 bytes together"):
        small.write("000", b"2" * 102, "text/plain")
    assert small.write("000", b"2" * 101, "text/plain") == "000"
