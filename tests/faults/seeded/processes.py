"""What one simulated process is made of."""

from collections.abc import Mapping
from typing import Any

from shared.runner.request import Equipped
from shared.wiring import Deployment
from tests.simulation.hub import Hub, Process, SimEvent


class Simulated(Deployment):
    """A deployment whose agent has the tools of the run."""

    equipment: Equipped

    def equip(self, agent_id: str, skill: str | None, tenant: str) -> Equipped:
        return self.equipment

    def equip_recorded(self, recorded: Mapping[str, Any]) -> Equipped:
        assert recorded == self.equipment.recorded, "a turn that waited goes on as another one"
        return self.equipment


class SimLock:
    """A lock that greenlets wait for."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._held = False
        self._free = SimEvent(hub)

    def __enter__(self) -> None:
        while self._held:
            self._free = SimEvent(self._hub) if self._free.is_set() else self._free
            self._free.wait()
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False
        self._free.set()


class Instance:
    """A process that runs handlers: one at a time as on Lambda, or several as on a laptop."""

    def __init__(self, process: Process, deployment: Deployment) -> None:
        self.process = process
        self.deployment = deployment
        self.busy = 0
