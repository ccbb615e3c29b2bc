"""What one simulated process is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.runner.request import Equipped
from shared.storage.table import Item, Key
from shared.wiring import Deployment
from tests.faults.seeded.historian import Historian
from tests.faults.seeded.keeping import Keeping
from tests.simulation.hub import Hub, Process, SimEvent
from tests.support.faults import FaultyTable


class Simulated(Deployment):
    """A deployment whose agent has the tools of the run."""

    equipment: Equipped

    def equip(self, agent_id: str, skill: str | None, tenant: str) -> Equipped:
        return self.equipment

    def equip_recorded(self, recorded: Mapping[str, Any]) -> Equipped:
        assert recorded == self.equipment.recorded, "a turn that waited goes on as another one"
        return self.equipment

    def priced(self, model: str) -> bool:
        return True

    def tells(self, historian: Historian, keeping: Keeping) -> None:
        """The history is kept by this one, in this manner."""
        plane: Any = historian
        self.control_plane = plane
        if keeping.patience is not None:
            handler: Any = self.drain._handlers["history"]
            handler._policy = replace(handler._policy, patience=keeping.patience)


class TornTable(FaultyTable):
    """What is read at once may be of different moments, as with DynamoDB."""

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        return [super(TornTable, self).get([key], consistent=consistent)[0] for key in keys]


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
