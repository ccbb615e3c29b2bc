"""Links on S3, as the emulator imitates it."""

from collections.abc import Iterator

import pytest

from shared.storage.s3 import S3Artifacts
from tests.contracts.links_contract import LinksContract
from tests.support.aws import client, fresh_bucket


@pytest.mark.emulator
class TestMinistack(LinksContract):
    @pytest.fixture
    def artifacts(self, ministack: str) -> Iterator[S3Artifacts]:
        with client("s3", ministack) as s3:
            yield S3Artifacts(s3, fresh_bucket(s3))
