"""The Table contract on DynamoDB as the emulator imitates it."""

import pytest

from tests.contracts.table_contract import TableContract
from tests.support.aws import fresh_table
from tests.support.engines import DynamoOpener


@pytest.fixture
def opener(ministack: str) -> DynamoOpener:
    return DynamoOpener(ministack, fresh_table(ministack))


UNSUITED = "ministack makes a change that does not suit the value, by replacing the value"
UNSET = "ministack finds two missing attributes equal"
GAPS = {
    "operator='<>', operand=Attribute(path=('gone too',))": UNSET,
    "operator='=', operand=Attribute(path=('gone too',))": UNSET,
    "[Assign(path=('jobs', 'x')": UNSUITED,
    "[Assign(path=('owner', 'x')": UNSUITED,
    "[Append(path=('owner',)": UNSUITED,
    "[Extend(path=('owner',)": UNSUITED,
    "[Increment(path=('owner',)": UNSUITED,
    "[Increment(path=('done',)": UNSUITED,
}


@pytest.mark.emulator
class TestMinistack(TableContract):
    gaps = GAPS
