"""The Runner's contract over mailboxes, with real workers: on SQLite, and what a turn is on AWS."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.wiring import Deployment
from tests.contracts.runner_contract import RunnerContract
from tests.contracts.runner_people import PeopleContract
from tests.contracts.runner_queue import QueueContract
from tests.contracts.runner_stage import ANN, Open, Stage
from tests.contracts.runner_tools import agent_folder, answer
from tests.contracts.runner_turns import TurnsContract
from tests.support.deployments import Place, Running, Variables, aws_set, local_set
from tests.support.manual_clock import PATIENCE, in_thread
from tests.support.messages_api import ScriptedMessagesApi

Start = Callable[[str, Variables], AbstractContextManager[Running]]


def opener(start: Start, agents: Path) -> Open:
    agent_folder(agents, "host")

    @contextmanager
    def opening(*, backlog: int = 32) -> Iterator[Stage]:
        variables = {
            "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
            "SESSION_BACKLOG": str(backlog),
        }
        with ScriptedMessagesApi(reply=answer) as api, start(api.base_url, variables) as running:
            people = partial(_people, running.deployment)
            yield Stage(running.deployment.runner("host"), api, people)

    return opening


def _people(deployment: Deployment, approved: bool) -> "Future[str]":
    """Somebody who looks into the list of what waits, and decides about the first."""

    def decide() -> str:
        approvals, clock = deployment.approvals, SystemClock()
        end = clock.monotonic() + PATIENCE
        while clock.monotonic() < end:
            page = approvals.page(ANN, state="pending", limit=1, cursor=None)
            if page.approvals:
                found, box = approvals.decide(ANN, page.approvals[0].id, approved=approved)
                deployment.turns.wake(box)
                return found.description
            clock.sleep(0.05)
        raise AssertionError("nobody was asked anything")

    future: Future[str] = in_thread(decide)
    return future


class TestOnSqlite(RunnerContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        def start(url: str, variables: Variables) -> AbstractContextManager[Running]:
            return local_set(tmp_path / "workspace", url, variables)

        return opener(start, tmp_path / "agents")


class TestOnAws:
    test_tools = TurnsContract.test_a_tool_is_called_between_two_replies
    test_order = QueueContract.test_turns_of_a_session_never_overlap
    test_people = PeopleContract.test_a_call_that_is_approved_is_made

    @pytest.fixture
    def opened(self, tmp_path: Path, moto: str) -> Open:
        def start(url: str, variables: Variables) -> AbstractContextManager[Running]:
            return aws_set(Place.fresh(moto), url, variables)

        return opener(start, tmp_path / "agents")
