"""The Runner's contract over mailboxes, with real workers: on SQLite, and what a turn is on AWS."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.contracts.runner_contract import RunnerContract
from tests.contracts.runner_queue import QueueContract
from tests.contracts.runner_stage import Open, Stage
from tests.contracts.runner_tools import agent_folder, answer
from tests.contracts.runner_turns import TurnsContract
from tests.support.deployments import Place, Running, Variables, aws_set, local_set
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
            yield Stage(running.deployment.runner("host"), api)

    return opening


class TestOnSqlite(RunnerContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        def start(url: str, variables: Variables) -> AbstractContextManager[Running]:
            return local_set(tmp_path / "workspace", url, variables)

        return opener(start, tmp_path / "agents")


class TestOnAws:
    test_tools = TurnsContract.test_a_tool_is_called_between_two_replies
    test_order = QueueContract.test_turns_of_a_session_never_overlap

    @pytest.fixture
    def opened(self, tmp_path: Path, moto: str) -> Open:
        def start(url: str, variables: Variables) -> AbstractContextManager[Running]:
            return aws_set(Place.fresh(moto), url, variables)

        return opener(start, tmp_path / "agents")
