"""Where a backend's configurations come from, for their authors."""

from dataclasses import dataclass

from shared.protocol.faults import Fault


@dataclass(frozen=True)
class BackendSource:
    """One agent of the backend; which field, the fault itself says."""

    agent_id: str

    def where(self, fault: Fault) -> str:
        return f'agent "{self.agent_id}" of the backend'
