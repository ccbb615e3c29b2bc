"""A turn's host in one process: what it notes is kept in a list."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from shared.clock import Clock
from shared.identity.principal import Principal
from shared.ids import new_id
from shared.models.port import Model, ModelError, ModelRequest, ModelStream, StreamClosed
from shared.runner.history import Message
from shared.runner.port import RunnerStopped
from shared.runner.prompts import APPROVED, DENIED, Answer, Prompt
from shared.tools.port import ToolContext, ToolFault

Approve = Callable[[Prompt], bool]
"""Whether a call may be made; its arguments and a description are in the prompt."""


class Memo:
    """The host of one turn. `session` names what it belongs to, `seconds` is what it may take.
    `approve` decides about calls that need it; without it nobody approves any."""

    def __init__(
        self,
        clock: Clock,
        model: Model,
        principal: Principal,
        session: str,
        seconds: float,
        approve: Approve | None = None,
    ) -> None:
        self._approve = approve
        self._clock = clock
        self._model = model
        self._principal = principal
        self._session = session
        self._turn = new_id()
        self._deadline = clock.monotonic() + seconds
        self._lock = threading.Lock()
        self._closed = False
        self._close: Callable[[], None] | None = None
        self.notes: list[Message] = []

    def close(self) -> None:
        """End the turn, from another thread."""
        with self._lock:
            self._closed = True
            close = self._close
        if close:
            close()

    def ready(self, seconds: float, *, begun: bool = False) -> float:
        if self._closed:
            raise RunnerStopped
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise ModelError("The turn took too long.", code="TURN_TIMEOUT", retryable=False)
        return left

    def ask(self, request: ModelRequest, *, seconds_left: float) -> ModelStream:
        return self._model.stream(request, seconds_left=seconds_left)

    @contextmanager
    def watching(self, close: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._close = close
            closed = self._closed
        if closed:
            close()
        try:
            yield
        except StreamClosed:
            raise RunnerStopped from None
        except ModelError:
            self.ready(0)
            raise
        finally:
            with self._lock:
                self._close = None

    def note(
        self, messages: Sequence[Mapping[str, Any]], *, starting: Sequence[str], result: bool
    ) -> None:
        self.notes += messages

    def starting(self, call: str, approved: str | None = None) -> None:
        """Nobody takes over from this process, so nobody needs to know."""

    def started(self, call: str) -> bool:
        return False

    def next_number(self) -> int:
        return len(self.notes)

    def keep(self, call: str, text: str) -> str:
        """Only the excerpt is remembered."""
        return ""

    def answer(self, key: str) -> Answer | None:
        """Whoever is asked answers at once."""
        return None

    def park(self, prompt: Prompt) -> Answer:
        approved = self._approve is not None and self._approve(prompt)
        return Answer(what=APPROVED if approved else DENIED, digest=prompt.digest)

    def shown(self, key: str) -> bool:
        return False

    def is_verified(self, call: str) -> bool:
        return False

    def offer_code(self, description: str) -> Mapping[str, Any]:
        raise ToolFault("The user must show who they are first, which is not possible here.")

    def keep_contact(self, contact: Mapping[str, str]) -> None:
        """The model has it in what was said."""

    def context(self, call: str, *, seconds: float) -> ToolContext:
        principal = self._principal
        return ToolContext(
            tenant=principal.tenant,
            user=principal.user,
            email=principal.email,
            roles=principal.roles,
            groups=principal.groups,
            conversation=self._session,
            session=self._session,
            turn=self._turn,
            call=call,
            idempotency_key=f"{self._turn}.{call}",
            deadline=self._clock.monotonic() + seconds,
        )
