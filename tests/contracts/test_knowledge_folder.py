"""Documents in a folder; and that no link leads out of it."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.knowledge.documents import Source
from shared.knowledge.folder import Folder
from shared.knowledge.port import KnowledgeUnavailable
from tests.contracts.knowledge_contract import SourceContract


class TestFolder(SourceContract):
    base: Path

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.base = tmp_path / "agents"
        (self.base / "knowledge/support").mkdir(parents=True)

    @pytest.fixture
    def source(self) -> Source:
        return Folder(self.base, "knowledge/support/")

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            path = self.base / "knowledge/support" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def remove(self, name: str) -> None:
        (self.base / "knowledge/support" / name).unlink()

    def test_a_link_is_a_fault_and_not_followed(self, source: Source, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/secret.md").write_text("secret")
        folder = self.base / "knowledge/support"
        (folder / "file.md").symlink_to(tmp_path / "outside/secret.md")
        (folder / "folder").symlink_to(tmp_path / "outside")
        (folder / "gone.md").symlink_to(tmp_path / "nowhere")
        listed = source.listed()
        assert [each.id for each in listed] == ["file.md", "folder", "gone.md"]
        assert all("symbolic link" in str(each.fault) for each in listed)
        with pytest.raises(KnowledgeUnavailable):
            list(source.read(listed[:1]))

    def test_what_is_no_file_is_no_document(self, source: Source) -> None:
        os.mkfifo(self.base / "knowledge/support/a.md")
        (self.base / "knowledge/support/b.md").mkdir()
        assert source.listed() == []

    @pytest.mark.parametrize("path", ["knowledge", "knowledge/support"])
    def test_no_link_leads_there(self, source: Source, tmp_path: Path, path: str) -> None:
        target = tmp_path / "elsewhere"
        (self.base / path).rename(target)
        (self.base / path).symlink_to(target)
        with pytest.raises(KnowledgeUnavailable, match="symbolic link"):
            source.listed()

    def test_there_is_no_such_folder(self) -> None:
        with pytest.raises(KnowledgeUnavailable, match="no folder knowledge/sales beside"):
            Folder(self.base, "knowledge/sales").listed()

    def test_a_folder_that_cannot_be_read(self) -> None:
        with pytest.raises(KnowledgeUnavailable, match="cannot be read"):
            Folder(self.base, "x" * 300).listed()

    def test_a_folder_that_lies_too_deep_is_a_fault(self, source: Source) -> None:
        path = self.base / "knowledge/support"
        for _ in range(4):
            path /= "d" * 200
        path.mkdir(parents=True)
        (path / "a.md").write_text("x")
        [listed] = source.listed()
        assert "512" in str(listed.fault)
