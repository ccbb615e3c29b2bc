"""The contract of the Model port. An adapter's test file supplies `service`."""

from tests.contracts.model_answers import AnswersContract
from tests.contracts.model_breaks import BreaksContract
from tests.contracts.model_closing import ClosingContract
from tests.contracts.model_failures import FailuresContract


class ModelContract(AnswersContract, FailuresContract, BreaksContract, ClosingContract):
    """All of it."""
