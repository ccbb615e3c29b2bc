"""The contract of the Runner. An implementation's test file supplies `opened`."""

from tests.contracts.runner_endings import EndingsContract
from tests.contracts.runner_own import OwnContract
from tests.contracts.runner_people import PeopleContract
from tests.contracts.runner_queue import QueueContract
from tests.contracts.runner_turns import TurnsContract


class RunnerContract(TurnsContract, OwnContract, QueueContract, EndingsContract, PeopleContract):
    """All of it."""
