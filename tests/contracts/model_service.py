"""A provider that speaks the Messages API in its own way, and the adapter that asks it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from shared.clock import Clock
from shared.models.port import Model
from tests.support.clock import FakeClock
from tests.support.messages_api import Chosen, Request, ScriptedMessagesApi
from tests.support.messages_api_script import Answer
from tests.support.messages_api_wire import Dialect

SECRET = "the provider's own words"


class ClosableModel(Model, Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Service:
    """`adapter` makes a model for the address of a server that speaks `dialect`.

    `model` is one that both know; `invalid` is the type of an error that no retry helps.
    """

    dialect: Callable[[], Dialect]
    adapter: Callable[..., ClosableModel]
    model: str
    invalid: str

    def server(
        self, steps: Sequence[Chosen] = (), reply: Callable[[Request], Answer] | None = None
    ) -> ScriptedMessagesApi:
        return ScriptedMessagesApi(steps, reply, dialect=self.dialect())

    @contextmanager
    def model_at(
        self, base_url: str, clock: Clock | None = None, **options: Any
    ) -> Iterator[ClosableModel]:
        """A model whose waits are the longest that the jitter allows."""
        options = {"jitter": lambda ceiling: ceiling, **options}
        model = self.adapter(clock=clock or FakeClock(), base_url=base_url, **options)
        try:
            yield model
        finally:
            model.close()
