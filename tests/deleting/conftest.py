"""One house for each test, on either engine."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.storage.dynamodb import DynamoTable
from shared.storage.s3 import S3Artifacts
from shared.storage.sqlite import SqliteTable
from tests.deleting.house import House
from tests.support.aws import client, fresh_bucket, fresh_table, moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["local", "aws"])
def house(request: pytest.FixtureRequest) -> House:
    made: House = request.getfixturevalue(f"{request.param}_house")
    return made


@pytest.fixture
def local_house(tmp_path: Path) -> Iterator[House]:
    with closing(SqliteTable(tmp_path / "house.db")) as table:
        yield House(tmp_path / "files", table)


@pytest.fixture
def aws_house(tmp_path: Path, moto: str) -> Iterator[House]:
    with client("dynamodb", moto) as dynamodb, client("s3", moto) as s3:
        files = S3Artifacts(s3, fresh_bucket(s3))
        yield House(tmp_path / "files", DynamoTable(dynamodb, fresh_table(moto)), files)
