"""What a turn needs of whoever runs it: a worker with a lease, or a program on its own."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from shared.models.port import ModelRequest, ModelStream
from shared.runner.prompts import Answer, Prompt
from shared.tools.port import ToolContext


class Host(Protocol):
    """The turn's window on the world. Whatever its methods raise ends the turn where it is; it
    can be taken up there again, by its notes."""

    def ready(self, seconds: float, *, begun: bool = False) -> float:
        """Right before something that takes up to `seconds` is begun: how long it may take.

        Raises when the turn may not go on here and now: no time left, lease lost. `begun` says
        that something is under way that would be cut.
        """
        ...

    def ask(self, request: ModelRequest, *, seconds_left: float) -> ModelStream:
        """Ask the model; in the middle of a turn, wait until it may be asked. Raises ModelError, or
        TurnFailed when nothing may be spent any more."""
        ...

    def watching(self, close: Callable[[], None]) -> AbstractContextManager[None]:
        """While something runs: `close` is called, from any thread, when it must end. What is
        raised within because of that is turned into the reason."""
        ...

    def note(
        self, messages: Sequence[Mapping[str, Any]], *, starting: Sequence[str], result: bool
    ) -> None:
        """Note messages at the end of the log, and that the calls `starting` begin now. Results
        are noted even if the turn has been stopped."""
        ...

    def starting(self, call: str, approved: str | None = None) -> None:
        """Note that this call begins now; with `approved`, only if exactly that was approved."""
        ...

    def started(self, call: str) -> bool:
        """Whether it was noted before that this call had begun."""
        ...

    def next_number(self) -> int:
        """The number in the log of the next message to be noted."""
        ...

    def keep(self, call: str, text: str) -> str:
        """Store a result that is too long for the log; the name under which it stands, empty if it
        could not be kept."""
        ...

    def answer(self, key: str) -> Answer | None:
        """What became of the prompt with this key; None: there was none, or it stands still."""
        ...

    def park(self, prompt: Prompt) -> Answer:
        """Ask people, and wait. Raises Parked where nobody waits for the answer, and ToolFault when
        nobody may be asked, in words for the model."""
        ...

    def shown(self, key: str) -> bool:
        """Whether the prompt with this key, the last there was, may have been seen."""
        ...

    def is_verified(self, call: str) -> bool:
        """Whether the user has shown who they are, by a code, in this session. If so, the context
        of this call has their address, and that of no other."""
        ...

    def offer_code(self, description: str) -> Mapping[str, Any]:
        """Send the user a code, without which a call cannot be made that this describes; what is
        to be shown of that. Raises ToolFault: it cannot be sent, in words for the model."""
        ...

    def keep_contact(self, contact: Mapping[str, str]) -> None:
        """Keep what the user said of themselves, any of name, email and phone, with the
        session."""
        ...

    def context(self, call: str, *, seconds: float) -> ToolContext:
        """On whose behalf a call runs that may take so long."""
        ...
