"""The runner: the public door for programs that talk to an agent.

Two implementations keep one promise: `InProcessRunner` (`in_process.py`) does the work on the
caller's thread and forgets everything with the process; `MailboxRunner`
(`shared/conversations/mailbox_runner.py`) queues it for the workers and follows what they do, so a
turn survives its caller.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from shared.errors import ConfigurationError, ConflictError, NotFound, ValidationError
from shared.identity.principal import Principal
from shared.protocol.fields import MAX_MESSAGE_CHARACTERS
from shared.runner.events import TurnEvent

MAX_SESSION_ID = 256
"""Characters of the name that a program gives a session."""


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


def check_said(session_id: str, message: str) -> None:
    """Whether this can be said in this session.

    Raises:
        ValidationError: `details` name the field.
    """
    for field, text, limit in (
        ("session_id", session_id, MAX_SESSION_ID),
        ("message", message, MAX_MESSAGE_CHARACTERS),
    ):
        if not text.strip() or len(text) > limit:
            raise ValidationError(
                f"{field} must have 1 to {limit} characters and may not be blank.",
                details={"field": field},
            )
        try:
            text.encode()
        except UnicodeEncodeError:
            # Its own text repeats what was said.
            raise ValidationError(
                f"{field} has half of a surrogate pair. Remove it.", details={"field": field}
            ) from None


class Runner(Protocol):
    """Safe for use by many threads. Turns of one session run one after the other, in the order in
    which their iteration began; sessions run side by side.

    An iteration belongs to one thread at a time, not to the one that called `run`. Its turn keeps
    the session until it has ended, so nobody may begin another turn of the session, and wait for
    it, in the middle of an iteration.
    """

    def run(
        self,
        session_id: str,
        message: str,
        *,
        principal: Principal,
        model: str | None = None,
        skill: str | None = None,
        variables: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> Iterator[TurnEvent]:
        """Say something in a session, which begins with the first message; the events of the turn,
        the last of which is its `Reply`. All pieces of text together are the reply's text, but for
        what a `Restarted` takes back.

        What the first message brings as `variables`, for the places `{{name}}` in the agent's
        texts, and as `overrides`, by the names of the agent's fields, is the session's. Later
        variables are of that turn alone, over those of the session; later overrides can only be
        the same.

        A session belongs to the principal's tenant and user: under the same id, somebody else has
        a session of their own. Nothing happens before the first event is asked for. After an error
        the session can be used as before, and remembers the message of a turn that had begun.

        Raises, while iterating:
            ValidationError: the session's id or the message is blank, too long or no text; the
                agent may not use this model; it does not allow an override; a variable is unknown,
                or missing. Like the next three: nothing has been said.
            NotFound: the agent has no such skill.
            NoAgent: the agent is gone.
            BacklogFull: as many turns of this session wait as may.
            RunnerStopped: `stop` was called, before or meanwhile.
            TurnCancelled: somebody stopped the turn.
            ParleyError: the turn failed; `error_code` says why, `is_retryable` whether the same
                may work later.
        """
        ...

    def stop(self) -> None:
        """Take no more turns, and end all iterations under way. May be called again."""
        ...
