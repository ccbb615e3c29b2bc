"""One rig for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mailbox.drained import DrainRig
from tests.mailbox.rig import Rig, rig_in


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rig_in(tmp_path / "rig", monkeypatch) as made:
        made.make_box()
        yield made


@pytest.fixture
def drained(tmp_path: Path) -> Iterator[DrainRig]:
    made = DrainRig(tmp_path)
    yield made
    made.engine.close()
