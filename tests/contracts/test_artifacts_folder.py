"""The Artifacts contract on a folder."""

from pathlib import Path

import pytest

from shared.storage.folder import FolderArtifacts
from tests.contracts.artifacts_contract import ArtifactsContract


class TestFolder(ArtifactsContract):
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> FolderArtifacts:
        return FolderArtifacts(tmp_path / "workspace")
