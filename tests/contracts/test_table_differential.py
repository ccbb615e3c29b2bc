"""SQLite and DynamoDB (as moto imitates it) answer random programs alike."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from shared.clock import SystemClock
from shared.storage.folder import FolderArtifacts
from shared.storage.table import Delete
from shared.storage.wrapper import ResilientTable
from tests.contracts.table_programs import KEYS, Step, alike, answer, programs
from tests.support.aws import fresh_table
from tests.support.engines import DynamoOpener, SqliteOpener


@pytest.fixture
def openers(moto: str, tmp_path: Path) -> list[SqliteOpener | DynamoOpener]:
    return [SqliteOpener(tmp_path / "table.db"), DynamoOpener(moto, fresh_table(moto))]


def test_both_engines_answer_alike(
    openers: list[SqliteOpener | DynamoOpener], tmp_path: Path
) -> None:
    artifacts = FolderArtifacts(tmp_path / "artifacts")
    with openers[0].open() as one, openers[1].open() as two:
        tables = [ResilientTable(engine, artifacts, SystemClock()) for engine in (one, two)]

        @settings(
            max_examples=250,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(programs)
        def run(program: Sequence[Step]) -> None:
            for table in tables:
                table.write([Delete(key) for key in KEYS])
            for step in program:
                first, second = (answer(table, step) for table in tables)
                assert alike(first, second), (step, first, second)
            assert tables[0].get(KEYS) == tables[1].get(KEYS)

        run()
