"""The contract of the Table port.

An adapter's test file supplies `opener`; the engine and the wrapped table follow from it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from shared.clock import SystemClock
from shared.storage.folder import FolderArtifacts
from shared.storage.table import Table
from shared.storage.wrapper import ResilientTable
from tests.contracts.table_pages import IndexesContract, QueriesContract
from tests.contracts.table_races import ProcessesContract, RacesContract
from tests.contracts.table_scans import ScansContract
from tests.contracts.table_values import LimitsContract, ValuesContract
from tests.contracts.table_writes import ConditionsContract, WritesContract
from tests.support.clock import FakeClock
from tests.support.engines import Opener
from tests.support.faults import FaultyTable, seeded


class EngineFixture:
    """An engine, opened for one test.

    `gaps` says where an imitation of DynamoDB is known to differ from it: parts of the names of
    tests, and the reason. A test that passes in spite of its gap fails, so that the gap goes.
    """

    gaps: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture(autouse=True)
    def expect_gaps(self, request: pytest.FixtureRequest) -> None:
        for name, reason in self.gaps.items():
            if name in request.node.name:
                request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    @pytest.fixture
    def engine(self, opener: Opener) -> Iterator[Table]:
        with opener.open() as engine:
            yield engine


class TableContract(
    EngineFixture,
    ConditionsContract,
    WritesContract,
    QueriesContract,
    IndexesContract,
    ScansContract,
    ValuesContract,
    LimitsContract,
    RacesContract,
    ProcessesContract,
):
    """The whole contract, on an engine without faults."""

    @pytest.fixture
    def table(self, engine: Table, tmp_path: Path) -> Table:
        return ResilientTable(engine, FolderArtifacts(tmp_path / "artifacts"), SystemClock())


class FaultyTableContract(
    EngineFixture,
    WritesContract,
    QueriesContract,
    IndexesContract,
    ScansContract,
    RacesContract,
):
    """The same over faults without an effect: whoever sees only `Table` never notices them.

    An answer lost after the effect can be noticed; recognising it is the callers' part.
    """

    @pytest.fixture
    def table(self, engine: Table, tmp_path: Path) -> Table:
        plan = seeded(20_260_801, conflict=0.1, throttle=0.1, lost_request=0.1)
        artifacts = FolderArtifacts(tmp_path / "artifacts")
        return ResilientTable(FaultyTable(engine, plan), artifacts, FakeClock())
