"""The parts of a deployment are made once, though the threads of a laptop ask at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.settings import Settings
from shared.storage import sqlite
from shared.wiring import Deployment


def test_threads_that_ask_at_once_get_the_same_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = threading.Barrier(2)
    made: list[sqlite.SqliteTable] = []

    class Slow(sqlite.SqliteTable):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            made.append(self)
            try:
                # Whoever else makes one comes here too; nobody does, so this breaks.
                meeting.wait(0.5)
            except threading.BrokenBarrierError:
                return

    monkeypatch.setattr(sqlite, "SqliteTable", Slow)
    variables = {"WORKSPACE_BASE": str(tmp_path), "SIGNING_SECRET": "sixteen letters or more"}
    deployment = Deployment(Settings.load(variables, loopback=True))
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(lambda: deployment.engine) for _ in range(4)]
        engines = {id(each.result()) for each in asked}
    for engine in made:
        engine.close()
    assert len(engines) == len(made) == 1
