"""The Wakes contract on the queue inside this process."""

import pytest

from shared.clock import SystemClock
from shared.messaging.in_process import InProcessWakes
from tests.contracts.wakes_contract import Receive, WakesContract


class TestInProcess(WakesContract):
    @pytest.fixture
    def wakes(self) -> InProcessWakes:
        return InProcessWakes(SystemClock())

    @pytest.fixture
    def receive(self, wakes: InProcessWakes) -> Receive:
        def receive(timeout: int) -> list[tuple[str, int | None]]:
            wake = wakes.next(timeout)
            return [(wake.box, wake.epoch)] if wake else []

        return receive
