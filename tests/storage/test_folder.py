"""The folder: links lead nowhere, and unfinished files are nobody's."""

from pathlib import Path

import pytest

from shared.storage.artifacts import ArtifactsUnavailable
from shared.storage.folder import FolderArtifacts


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def artifacts(base: Path) -> FolderArtifacts:
    return FolderArtifacts(base)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    return outside


def test_files_stand_under_their_names(artifacts: FolderArtifacts, base: Path) -> None:
    artifacts.put("topics/1/shared/turns/round1_expert.md", b"text")
    assert (base / "topics/1/shared/turns/round1_expert.md").read_bytes() == b"text"


def test_a_linked_folder_is_not_entered(
    artifacts: FolderArtifacts, base: Path, outside: Path
) -> None:
    (base / "link").symlink_to(outside, target_is_directory=True)
    assert artifacts.get("link/secret") is None
    artifacts.delete("link/secret")
    with pytest.raises(ValueError):
        artifacts.put("link/secret", b"mine")
    with pytest.raises(ValueError):
        artifacts.put("link/deeper/new", b"mine")
    assert artifacts.list("").artifacts == []
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"secret": b"secret"}


def test_a_linked_file_is_neither_read_nor_written_through(
    artifacts: FolderArtifacts, base: Path, outside: Path
) -> None:
    (base / "link").symlink_to(outside / "secret")
    assert artifacts.get("link") is None
    assert artifacts.list("").artifacts == []
    artifacts.put("link", b"mine")
    assert artifacts.get("link") == b"mine"
    assert (outside / "secret").read_bytes() == b"secret"


def test_the_base_may_be_a_link(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "link").symlink_to(outside, target_is_directory=True)
    assert FolderArtifacts(tmp_path / "link").get("secret") == b"secret"


def test_an_unfinished_file_is_never_listed(artifacts: FolderArtifacts, base: Path) -> None:
    artifacts.put("a", b"1")
    (unfinished,) = [path for path in base.iterdir() if path.is_dir()]
    (unfinished / "left-by-a-kill").write_bytes(b"half")
    assert [artifact.name for artifact in artifacts.list("").artifacts] == ["a"]
    assert artifacts.list(unfinished.name).artifacts == []


def test_nothing_unfinished_stays_after_a_refusal(artifacts: FolderArtifacts, base: Path) -> None:
    artifacts.put("a", b"1")
    with pytest.raises(ValueError):
        artifacts.put("a/b", b"2")
    (unfinished,) = [path for path in base.iterdir() if path.is_dir()]
    assert list(unfinished.iterdir()) == []
    assert artifacts.get("a") == b"1"


def test_a_folder_is_no_file(artifacts: FolderArtifacts) -> None:
    artifacts.put("a/b", b"1")
    assert artifacts.get("a") is None
    artifacts.delete("a")
    with pytest.raises(ValueError):
        artifacts.put("a", b"2")
    assert artifacts.get("a/b") == b"1"


def test_a_base_that_vanished_is_unavailable(artifacts: FolderArtifacts, base: Path) -> None:
    base.rmdir()
    with pytest.raises(ArtifactsUnavailable):
        artifacts.put("a", b"1")
    with pytest.raises(ArtifactsUnavailable):
        artifacts.list("")


def test_no_file_stays_open(artifacts: FolderArtifacts, base: Path) -> None:
    artifacts.put("a/b/c", b"1")
    before = _open_files()
    for _ in range(5):
        artifacts.put("a/b/d", b"1")
        artifacts.get("a/b")
        artifacts.get("a/b/c/d")
        artifacts.list("", limit=1)
        artifacts.delete("a/x")
    assert _open_files() == before


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
