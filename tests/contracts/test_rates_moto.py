"""The limit of model calls, on DynamoDB as moto imitates it."""

import pytest

from tests.contracts.rates_contract import RatesContract
from tests.support.aws import fresh_table
from tests.support.engines import DynamoOpener


@pytest.fixture
def opener(moto: str) -> DynamoOpener:
    return DynamoOpener(moto, fresh_table(moto))


class TestMoto(RatesContract):
    pass
