"""The Table contract on DynamoDB as moto imitates it."""

import pytest

from tests.contracts.table_contract import FaultyTableContract, TableContract
from tests.support.aws import fresh_table
from tests.support.engines import DynamoOpener


@pytest.fixture
def opener(moto: str) -> DynamoOpener:
    return DynamoOpener(moto, fresh_table(moto))


TYPES = "moto compares a number with a bool or a text by Python's rules"
NULL = "moto takes a missing attribute for one that is null"
PATH = "moto sets a name inside a text or a list"
UNSET = "moto finds two missing attributes equal"
GAPS = {
    "operator='<>', operand=Attribute(path=('gone too',))": UNSET,
    "operator='=', operand=Attribute(path=('gone too',))": UNSET,
    "path=('zero',), operator='<>', operand=False": TYPES,
    "path=('zero',), operator='=', operand=False": TYPES,
    "path=('done',), operator='=', operand=0": TYPES,
    "path=('epoch',), operator='<', operand='4'": TYPES,
    "path=('gone',), operator='=', operand=None": NULL,
    "path=('jobs', 'x'), value=1": PATH,
    "path=('owner', 'x'), value=1": PATH,
}


class TestMoto(TableContract):
    gaps = GAPS


class TestMotoWithFaults(FaultyTableContract):
    gaps = GAPS
