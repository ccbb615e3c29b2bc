"""Which web pages may have to do with which agents.

An agent's `origins` stand against the `Origin` that a browser sends. Other callers send none, and
no list of origins keeps them out.
"""

from contextlib import suppress
from typing import Protocol

from shared.errors import Forbidden, NotFound


class Guarded(Protocol):
    """An agent, as far as it says which web pages may talk to it."""

    def admits(self, origin: str | None) -> bool:
        """Whether a browser with this origin may; None is no browser."""
        ...


class Source(Protocol):
    """Where agents are configured."""

    def get(self, agent_id: str, tenant: str) -> Guarded:
        """Raises NotFound or ConfigurationError."""
        ...


def check_page(agent: Guarded, origin: str | None) -> None:
    """Whether a web page with this origin may talk to the agent.

    Raises:
        Forbidden: ORIGIN_NOT_ALLOWED.
    """
    if not agent.admits(origin):
        raise Forbidden("This web page may not talk to this agent.", code="ORIGIN_NOT_ALLOWED")


class Pages:
    """The agents' pages. An agent that is not there any more keeps nobody out."""

    def __init__(self, agents: Source) -> None:
        self._agents = agents

    def check(self, agent_id: str, tenant: str, origin: str | None) -> None:
        """Raises like `check_page`."""
        if origin is not None:
            with suppress(NotFound):
                check_page(self._agents.get(agent_id, tenant), origin)

    def admit(self, agent_id: str, tenant: str, origin: str | None) -> bool:
        """Whether the page may see what was said with the agent."""
        try:
            self.check(agent_id, tenant, origin)
        except Forbidden:
            return False
        return True
