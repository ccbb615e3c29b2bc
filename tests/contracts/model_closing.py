"""The Model port: closing a stream, from any thread and at any time, sets its reader free."""

import threading

import pytest

from shared.models.port import (
    Completed,
    ModelError,
    ModelEvent,
    ModelStream,
    StreamClosed,
    TextDelta,
)
from tests.contracts.model_service import Service
from tests.models.asking import ask, text_in
from tests.support.clock import FakeClock
from tests.support.messages_api import Step

PATIENCE = 10.0
LONG = 3600.0


class Reader:
    """Somebody who reads a stream on a thread of their own."""

    def __init__(self, stream: ModelStream) -> None:
        self.events: list[ModelEvent] = []
        self.error: Exception | None = None
        self._stream = stream
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for event in self._stream:
                with self._changed:
                    self.events.append(event)
                    self._changed.notify_all()
        except (StreamClosed, ModelError) as error:
            self.error = error

    def await_events(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.events) >= count, PATIENCE)

    def failure(self) -> ModelError:
        """How the stream failed, as it must."""
        self._end()
        assert isinstance(self.error, ModelError)
        return self.error

    def assert_closed(self) -> None:
        self._end()
        assert isinstance(self.error, StreamClosed)

    def _end(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


class ClosingContract:
    @pytest.mark.parametrize("deltas", [0, 1, 2])
    def test_closing_a_stalled_stream_frees_its_reader_and_hangs_up(
        self, service: Service, deltas: int
    ) -> None:
        stalled = Step(tokens=["one", " two"], stall_after=deltas)
        with service.server([stalled]) as api, service.model_at(api.base_url) as model:
            stream = ask(model, left=LONG)
            reader = Reader(stream)
            api.wait_for(lambda books: books.open_streams == 1 and books.deltas == deltas)
            stream.close()
            reader.assert_closed()
            api.wait_for(lambda books: books.disconnected == 1)

    def test_closing_frees_a_reader_to_whom_nobody_has_answered_yet(self, service: Service) -> None:
        with (
            service.server([Step(stall_after=-1)]) as api,
            service.model_at(api.base_url) as model,
        ):
            stream = ask(model, left=LONG)
            reader = Reader(stream)
            api.wait_for(lambda books: books.open_streams == 1)
            stream.close()
            reader.assert_closed()

    def test_closing_between_two_attempts_ends_the_attempts(self, service: Service) -> None:
        asleep, go_on = threading.Event(), threading.Event()

        class SlowClock(FakeClock):
            def sleep(self, seconds: float) -> None:
                asleep.set()
                assert go_on.wait(PATIENCE)
                super().sleep(seconds)

        with (
            service.server([Step(status=529)]) as api,
            service.model_at(api.base_url, SlowClock()) as model,
        ):
            stream = ask(model, left=LONG)
            reader = Reader(stream)
            assert asleep.wait(PATIENCE)
            stream.close()
            reader.assert_closed()
            go_on.set()

    def test_what_had_arrived_is_not_handed_on_after_close(self, service: Service) -> None:
        step = Step(tokens=["one", " two", " three"])
        with service.server([step]) as api, service.model_at(api.base_url) as model:
            stream = ask(model)
            events = iter(stream)
            assert next(events) == TextDelta("one")
            api.wait_for(lambda books: books.deltas == 3 and books.open_streams == 0)
            stream.close()
            with pytest.raises(StreamClosed):
                next(events)

    def test_closing_a_finished_stream_changes_nothing_for_the_next(self, service: Service) -> None:
        with (
            service.server(reply=lambda request: "Yes indeed") as api,
            service.model_at(api.base_url) as model,
        ):
            for _ in range(20):
                stream = ask(model)
                for event in stream:
                    if isinstance(event, Completed):
                        stream.close()
                with pytest.raises(StreamClosed):
                    next(iter(stream))
            assert text_in(list(ask(model))) == "Yes indeed"
            assert api.disconnected == 0
