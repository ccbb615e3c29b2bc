"""One turn: from what was said so far to a reply, as a generator of events.

It has no input or output of its own. Its `Host` asks the model, keeps the notes and knows when to
stop; what stands here is what happens, and in which order. There is no hidden state: what has been
noted says what comes next, so whoever takes over begins with the same code.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from shared.clock import Clock
from shared.errors import TurnFailed
from shared.models.port import (
    Completed,
    ModelError,
    ModelEvent,
    ModelRequest,
    ModelStream,
    ReasoningDelta,
    StreamClosed,
    TextDelta,
    Usage,
)
from shared.runner.batch import Call
from shared.runner.calls import Calls, calls_of, open_calls
from shared.runner.citations import citation, cited
from shared.runner.events import Delta, Reasoning, Reply, Restarted, TurnEvent
from shared.runner.history import Message
from shared.runner.host import Host
from shared.runner.request import TurnRequest, model_request
from shared.runner.speaker import Speaker, between
from shared.runner.text import check_blocks, clean, cleaned, repeatable
from shared.tools.directives import gathered

MAX_GENERATIONS = 3
"""How often one reply is generated when the model's stream breaks after its first text."""

REPLY_SECONDS = 60.0
"""A reply is not begun by a worker that has less time left, if another one has more."""


def joined(answer: str, said: str) -> str:
    """The answer of a turn, with what one more reply said."""
    return answer + between(answer, said) + said


def answer_of(progress: Sequence[Message]) -> str:
    """What the model's replies in a turn's notes say together."""
    answer = ""
    for entry in progress:
        if entry["role"] == "assistant":
            answer = joined(answer, str(entry.get("said", "")))
    return answer


class Turn:
    """One turn on one host. `spent` is what it has cost so far, `answer` what it has said."""

    def __init__(self, request: TurnRequest, host: Host, clock: Clock) -> None:
        self._request = request
        self._host = host
        self._progress = list(request.progress)
        self._calls = Calls(host, request, clock, self._result)
        self.answer = answer_of(self._progress)
        self.spent = spent_by(self._progress)

    def run(self) -> Generator[TurnEvent, None, None]:
        """The events of the turn; the last one is the `Reply`.

        Raises:
            ModelError: the model could not answer, or its answer broke off once too often.
            Parked: it waits for a person.
            TurnFailed: MAX_ITERATIONS, MAX_TOKENS, MODEL_REFUSED: the last reply has no words;
                BUDGET_EXCEEDED: nothing may be spent any more.
            Whatever the host raises.
        """
        first = self._host.next_number() - len(self._progress)
        yield from self._calls.run(open_calls(self._progress, first))
        while True:
            if self._calls.question is not None:
                yield from self._ask(self._calls.question)
                return
            replies = sum(entry["role"] == "assistant" for entry in self._progress)
            last = replies + 1 >= self._request.max_iterations
            completed, said, suggestions = yield from self._reply(last=last)
            content = repeatable(cleaned(completed.content))
            calls = calls_of(self._host.next_number(), content)
            if not calls or last or completed.stop_reason == "refusal":
                yield self._end(completed, said, suggestions, unfinished=bool(calls))
                return
            self.answer = joined(self.answer, said)
            step = {
                "role": "assistant",
                "content": content,
                "said": said,
                "usage": asdict(completed.usage),
            }
            begun = self._step(step, calls)
            yield from self._calls.run(calls, begun)

    def _ask(self, question: str) -> Iterator[TurnEvent]:
        """End with a question, to which the user's next message is the result of the call."""
        yield Delta(between(self.answer, question) + question)
        self.answer = joined(self.answer, question)
        yield self._told(said="", stop_reason="tool_use", asks=question)

    def _step(self, step: Message, calls: Sequence[Call]) -> list[str]:
        """Note a reply that calls tools, and in the same write which calls begin."""
        over: Exception | None = None
        begun: list[str] = []
        try:
            begun = self._calls.first(calls)
        except Exception as fault:  # noqa: BLE001 - raised again when the reply is noted
            over = fault
        self._host.note([step], starting=begun, result=False)
        self._progress.append(step)
        if over is not None:
            raise over
        return begun

    def _result(self, note: Message, starting: Sequence[str]) -> None:
        self._host.note([note], starting=starting, result=True)
        self._progress.append(note)

    def _end(
        self, completed: Completed, said: str, suggestions: Sequence[str], *, unfinished: bool
    ) -> Reply:
        if not said:
            self._without_words(completed.stop_reason, unfinished=unfinished)
        self.answer = joined(self.answer, said)
        return self._told(said, completed.stop_reason, suggestions=tuple(suggestions))

    def _told(
        self,
        said: str,
        stop_reason: str,
        *,
        suggestions: Sequence[str] = (),
        asks: str | None = None,
    ) -> Reply:
        """The end of the turn, with what its calls have left for it in its notes."""
        shown = map(citation, self._request.background.passages)
        noted = (each for entry in self._progress for each in entry.get("citations") or ())
        return Reply(
            text=self.answer,
            said=said,
            usage=self.spent,
            stop_reason=stop_reason,
            suggestions=suggestions,
            asks=asks,
            citations=cited([*shown, *noted]),
            directive=gathered(entry.get("directive") for entry in self._progress),
            escalation=self._last("escalation"),
        )

    def _last(self, name: str) -> Any:
        return next((note[name] for note in reversed(self._progress) if note.get(name)), None)

    def _without_words(self, stop_reason: str, *, unfinished: bool) -> None:
        """The last reply says nothing: that is an answer only if nothing is missing."""
        if stop_reason == "refusal":
            raise TurnFailed("The model declined to answer.", code="MODEL_REFUSED")
        if stop_reason == "max_tokens":
            raise TurnFailed(
                f"The agent came to no answer within {self._request.max_tokens} tokens.",
                code="MAX_TOKENS",
            )
        if unfinished:
            raise TurnFailed(
                f"The agent came to no answer within {self._request.max_iterations} steps.",
                code="MAX_ITERATIONS",
            )

    def _reply(
        self, *, last: bool
    ) -> Generator[TurnEvent, None, tuple[Completed, str, Sequence[str]]]:
        """One reply of the model, generated anew if its stream breaks after something was shown;
        before that, the model port tries again by itself."""
        asked = model_request(self._request, self._progress, last=last)
        cut = False
        for generation in range(MAX_GENERATIONS):
            speaker = Speaker(self.answer, suggested_replies=self._request.suggested_replies)
            try:
                completed = yield from self._generate(asked, speaker, cut=cut)
            except ModelError as fault:
                self.spent += fault.usage
                if generation == 0 and not speaker.spoken and self._shows_less(fault):
                    asked = model_request(self._request, self._progress, last=last)
                    continue
                again = generation + 1 < MAX_GENERATIONS
                if not (speaker.spoken and again and fault.is_retryable):
                    raise
                if speaker.shown:
                    cut = True
                    yield Restarted(len(self.answer))
                continue
            self.spent += completed.usage
            said, suggestions = speaker.said(completed)
            if rest := speaker.rest(said):
                yield Delta(rest)
            return completed, said, suggestions
        raise AssertionError("unreachable")

    def _shows_less(self, fault: ModelError) -> bool:
        """Whether it may be worth asking again, from now on without the pictures of earlier
        messages: one that the model cannot see would fail every turn that shows it again."""
        less = self._request.background.without_earlier_pictures()
        if less is None or fault.error_code != "MODEL_REFUSED":
            return False
        self._request = replace(self._request, background=less)
        return True

    def _generate(
        self, asked: ModelRequest, speaker: Speaker, *, cut: bool
    ) -> Generator[TurnEvent, None, Completed]:
        """`cut`: something of this reply was shown that does not stand any more."""
        left = self._host.ready(REPLY_SECONDS, begun=cut)
        self._request.limits.check(self.spent, self._request.spent_before)
        stream = self._host.ask(asked, seconds_left=left)
        try:
            with self._host.watching(stream.close):
                for event in self._counted(stream):
                    match event:
                        case TextDelta(text):
                            if shown := speaker.speak(text):
                                yield Delta(shown)
                        case ReasoningDelta(text):
                            speaker.spoken = True
                            yield Reasoning(clean(text))
                        case Completed():
                            _check(event)
                            return event
        finally:
            stream.close()
        raise ModelError("The model's answer has no end.", retryable=True)

    def _counted(self, stream: ModelStream) -> Iterator[ModelEvent]:
        """The stream, with its cost counted if it is closed from outside."""
        try:
            yield from stream
        except StreamClosed as closed:
            self.spent += closed.usage
            raise


def _check(completed: Completed) -> None:
    try:
        check_blocks(completed.content)
    except ValueError as fault:
        raise ModelError(
            "The model's answer makes no sense.", retryable=True, usage=completed.usage
        ) from fault


def spent_by(progress: Sequence[Message]) -> Usage:
    """What the replies in a turn's notes cost."""
    spent = Usage()
    for entry in progress:
        if entry.get("usage"):
            spent += Usage(**entry["usage"])
    return spent
