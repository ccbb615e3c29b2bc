"""The runner: the public door for programs that talk to an agent.

Two implementations keep one promise: `InProcessRunner` (`in_process.py`) does the work on the
caller's thread and forgets everything with the process; `MailboxRunner`
(`shared/conversations/mailbox_runner.py`) queues it for the workers and follows what they do, so a
turn survives its caller.
"""

from collections.abc import Iterator
from typing import Protocol

from shared.errors import ConfigurationError, ConflictError, NotFound
from shared.identity.principal import Principal
from shared.runner.events import TurnEvent


class NoAgent(NotFound):
    """There is no such agent."""

    code = "AGENT_NOT_FOUND"


class RunnerStopped(ConflictError):
    """The runner has been stopped."""

    code = "RUNNER_STOPPED"


class BacklogFull(ConflictError):
    """Too many turns wait in this session; try again later."""

    code = "SESSION_BACKLOG_FULL"
    retryable = True


class RuntimeMissing(ConfigurationError):
    """The runner has nothing to run turns with."""


class TurnCancelled(ConflictError):
    """The turn was stopped."""

    code = "TURN_CANCELLED"


class Runner(Protocol):
    """Safe for use by many threads. Turns of one session run one after the other, in the order in
    which their iteration began; sessions run side by side."""

    def run(
        self,
        session_id: str,
        message: str,
        *,
        principal: Principal,
        model: str | None = None,
        skill: str | None = None,
    ) -> Iterator[TurnEvent]:
        """Say something in a session, which begins with the first message; the events of the turn,
        the last of which is its `Reply`. All pieces of text together are the reply's text.

        A session belongs to the principal's tenant and user: under the same id, somebody else has
        a session of their own. Nothing happens before the first event is asked for.

        Raises, while iterating:
            ValidationError: the message is blank or too long, or the agent has no such model.
            NotFound: the agent has no such skill.
            BacklogFull: as many turns of this session wait as may.
            RunnerStopped: `stop` was called, before or meanwhile.
            TurnCancelled: somebody stopped the turn.
            ParleyError: the turn failed.
        """
        ...

    def stop(self) -> None:
        """Take no more turns, and end all iterations under way. May be called again."""
        ...
