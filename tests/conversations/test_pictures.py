"""The pictures that a turn shows, and how attachments are called."""

import base64
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.attachment_names import free_name, safe_name
from shared.conversations.pictures import Pictures
from shared.mailbox.box import BoxKey
from shared.storage.artifacts import ArtifactsUnavailable
from shared.storage.folder import FolderArtifacts
from shared.tools.workspace import Workspace
from tests.support.pictures import chunk, png

PNG = png()
BOX = BoxKey("conv", "a/b", "c1")


class Files(FolderArtifacts):
    away = False

    def list(self, prefix: str, **how: Any) -> Any:
        if self.away:
            raise ArtifactsUnavailable("away")
        return super().list(prefix, **how)


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.files = Files(folder)
        self.workspace = Workspace(self.files, BOX.tenant, BOX.id)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "workspace")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.doc", "y.doc"),
        ("..", "file"),
        (" . ", "file"),
        ("a/", "a"),
        ("\u202ea\x00.txt", "a.txt"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("é" * 200, "é" * 75),
        ("a." + "b" * 40, "a." + "b" * 40),
    ],
)
def test_names_are_made_fit(said: str, name: str) -> None:
    assert safe_name(said) == name


def test_a_free_name_stands_beside_all_others() -> None:
    assert free_name("a", {"b"}) == "a"
    assert free_name("a.b.c", {"A.b.C", "a.b (2).c"}) == "a.b (3).c"
    assert free_name("folder", {"folder/x"}) == "folder (2)"


def _shown(*files: str) -> dict[str, Any]:
    return {"role": "user", "images": [{"file": each, "media_type": "image/png"} for each in files]}


def test_the_newest_pictures_are_read_once(shelf: Shelf) -> None:
    for number in range(6):
        shelf.workspace.write(f"{number}", PNG, "image/png")
    pictures = Pictures(shelf.files)
    history = [_shown("0", "1"), {"role": "assistant"}, _shown("2"), _shown("3", "4")]
    found = pictures.of(BOX, history, _shown("5", "gone"))
    assert list(found) == ["5", "3", "4", "2", "0"]
    assert base64.b64decode(found["5"].data) == PNG
    shelf.files.away = True
    assert list(pictures.of(BOX, history, {})) == ["3", "4", "2", "0"]
    assert list(Pictures(shelf.files).of(BOX, history, {})) == []


def test_a_request_has_room_for_so_many(shelf: Shelf) -> None:
    large = png(more=chunk(b"tEXt", bytes(5 * 1024 * 1024 - len(PNG) - 12)))
    for name in "abcd":
        shelf.workspace.write(name, large, "image/png")
    assert list(Pictures(shelf.files, cache_bytes=0).of(BOX, [], _shown(*"abcd"))) == [
        "a",
        "b",
        "c",
    ]


def test_hidden_pictures_are_not_read_again(shelf: Shelf) -> None:
    for name in "ab":
        shelf.workspace.write(name, PNG, "image/png")
    hidden = {"role": "user", "images": [{"file": "b", "media_type": "image/png", "hidden": True}]}
    assert list(Pictures(shelf.files).of(BOX, [_shown("a"), hidden], {})) == ["a"]


def test_one_that_is_no_picture_any_more_is_left_out(shelf: Shelf) -> None:
    shelf.workspace.write("a", PNG[:-1], "image/png")
    assert Pictures(shelf.files).of(BOX, [_shown("a")], {}) == {}
