"""What one turn asks a person, from the asking until somebody has answered.

The server may ask the same thing twice, others may answer it, its time may run out, and what was
answered may get lost on its way: whatever the server says last is how it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.cli.chat import events, prompts, verdicts
from shared.cli.chat.asking import Person
from shared.cli.chat.clean import one_line
from shared.cli.chat.delivery import Delivery
from shared.cli.chat.dialogues import Answer, about, dialogue
from shared.cli.chat.events import Ending, Notice, TurnEvent, Unattended, Waiting
from shared.cli.chat.interview import Interview
from shared.cli.chat.prompts import Approval, Code, Form, Frame, Prompt
from shared.cli.chat.shapes import mapping, string
from shared.clock import Clock


class Inquiry:
    """For the turn of that session and request; without a `person` nobody can be asked. Whoever
    reads the events tells it of them (`hear`, `passed`, `resumed`, `lost`), shows what it says,
    sends what is `due`, and lets it `ask` when nothing else writes to the screen."""

    def __init__(self, person: Person | None, clock: Clock, session: str, turn: str) -> None:
        self._interview = Interview(person)
        self._clock = clock
        self._session = session
        self._turn = turn
        self._announced: str | None = None
        self._prompt: Prompt | None = None
        self._delivery = Delivery()
        self._settled: set[str] = set()
        self.is_certain = True
        """Whether the server has said, since the connection was lost, that it waits."""

    # -- what the server says -----------------------------------------------------------------

    def hear(self, event: Mapping[str, Any]) -> Sequence[TurnEvent] | None:
        """What an event says of this; None: it is about something else."""
        data = mapping(mapping(event, "data"), "data")
        kind = event.get("type")
        if kind in prompts.ASKING:
            prompt = prompts.prompt_of(event)
            # What identifies an approval comes with the chunk that follows.
            self._announced = None if prompt else prompts.described(event)
            return self._begin(prompt)
        if behind := events.waits_behind(event):
            alone = [] if self._interview.is_possible else [Unattended(verdicts.BEFORE, "")]
            return [Notice(behind), *alone]
        match kind:
            case "otp_sent":
                return [Notice(verdicts.code_sent(data))]
            case "interaction_invalid":
                return self._invalid(data)
            case "stream_chunk":
                return self._named(event)
        if self.is_answer(event):
            return self._verdict(event)
        return [] if kind == "error" and events.error_of(event)[0] in verdicts.GONE else None

    def passed(self, said: Sequence[TurnEvent]) -> Sequence[TurnEvent]:
        """The turn says something else, so it does not wait any more."""
        if self._announced is not None:
            announced, self._announced = self._announced, None
            return self._undecidable(announced)
        ends = any(isinstance(each, Ending) for each in said)
        if self._delivery.frame and not ends:
            self._delivery.moot = True
            return []
        decided = self._closed(said)
        return [] if ends else decided

    def resumed(self, status: str, prompt: Mapping[str, Any]) -> Sequence[TurnEvent]:
        """How the turn stands after the connection was lost, and what it waits for, if it does."""
        if prompt:
            sent = mapping(prompt, "sent")
            said = [Notice(verdicts.code_sent(sent))] if sent else []
            return [*self._begin(prompts.prompt_of(prompt)), *said]
        if self._prompt is None or status in ("awaiting_approval", "awaiting_input"):
            return []
        return self._closed()

    # -- what is sent --------------------------------------------------------------------------

    def is_answer(self, event: Mapping[str, Any]) -> bool:
        """Whether the event may be about an answer that was sent."""
        return self._delivery.is_meant(event)

    @property
    def is_unconfirmed(self) -> bool:
        """Whether an answer was sent whose confirmation is waited for."""
        return self._delivery.is_sent and not self._delivery.moot

    def due(self) -> Frame | None:
        """The frame that is to be sent now, if there is one."""
        return self._delivery.due()

    def lost(self) -> None:
        """The connection is lost: what was sent may not have arrived."""
        self.is_certain = False
        self._interview.withdraw()
        self._delivery.lost()

    def unconfirmed(self) -> Sequence[TurnEvent]:
        """The server has not confirmed the answer in time."""
        if self._delivery.moot:
            return []
        self._delivery.lost()
        return self._put_again([verdicts.NO_WORD]) if self._delivery.is_given_up else []

    # -- the person ----------------------------------------------------------------------------

    def ask(self) -> None:
        """Put the question, if there is one, on the screen, or leave it there."""
        if self._prompt is not None:
            self._interview.ask(self._prompt.expires_at)

    def withdraw(self) -> None:
        """Take it off the screen."""
        self._interview.withdraw()

    def answered(self) -> Sequence[TurnEvent]:
        """Look whether the person has typed something."""
        return self._interview.answered(self._take)

    def end(self) -> None:
        """Nothing is asked any more."""
        self._announced = self._prompt = None
        self._delivery = Delivery()
        self._interview.end()

    # -- inside --------------------------------------------------------------------------------

    def _named(self, event: Mapping[str, Any]) -> Sequence[TurnEvent] | None:
        """The call that waits for an approval, with what identifies it."""
        state = mapping(mapping(event, "data"), "state")
        prompt = prompts.approval_of(state, self._announced or "")
        if prompt is None:
            is_call = "toolCall" in mapping(state, "rawResponse")
            return [] if is_call and isinstance(self._prompt, Form) else None  # the form says it
        self._announced = None
        is_known = prompt.id in self._settled or self._is_pending(prompt)
        # A question shows the call itself.
        is_shown = is_known or self._can_ask(prompt)
        return [*([] if is_shown else events.read(event)), *self._begin(prompt)]

    def _is_pending(self, prompt: Prompt) -> bool:
        return self._prompt is not None and self._prompt.id == prompt.id

    def _begin(self, prompt: Prompt | None) -> Sequence[TurnEvent]:
        if prompt is None or prompt.id in self._settled:
            return []
        self.is_certain = True
        if self._prompt is not None and self._is_pending(prompt):
            later = max(filter(None, (self._prompt.expires_at, prompt.expires_at)), default=None)
            self._prompt = replace(self._prompt, expires_at=later)
            self._delivery.moot = False
            return []
        said = self._closed()
        self._prompt = prompt
        if self._can_ask(prompt):
            lines = about(prompt, self._clock.now())
            return [*said, *self._interview.begin(dialogue(prompt), lines)]
        if isinstance(prompt, Form):
            self._take({"declined": True})
            return [*said, Notice(verdicts.NOT_SHOWN.format(one_line(prompt.kind)))]
        who = (prompt.id, verdicts.deciders(prompt)) if isinstance(prompt, Approval) else ()
        return [*said, *self._undecidable(prompt.description or prompt.tool, *who)]

    def _can_ask(self, prompt: Prompt) -> bool:
        return prompt.is_answerable and self._interview.is_possible

    def _closed(self, said: Sequence[TurnEvent] = ()) -> Sequence[TurnEvent]:
        """Nothing is asked any more; what has become of it, if it was not answered here."""
        prompt, is_answered = self._prompt, bool(self._delivery.frame)
        self.end()
        if prompt is None or is_answered:
            return []
        return [Notice(verdicts.decided(prompt, said, self._clock.now()))]

    def _take(self, answer: Answer | None) -> Sequence[TurnEvent]:
        """The person's answer to what is pending."""
        if self._prompt is None:
            return []
        if answer is None:
            return [Notice(verdicts.left(self._prompt))]
        self._delivery = Delivery(self._prompt.frame(self._session, self._turn, answer))
        return []

    def _verdict(self, event: Mapping[str, Any]) -> Sequence[TurnEvent] | None:
        """What the server says of the answer; None: it says something else under the same id."""
        data = mapping(mapping(event, "data"), "data")
        match event.get("type"):
            case "immediate_response" if event.get("status") == 200:
                return self._settle(verdicts.taken(self._delivery.frame))
            case "otp_verified":
                return self._settle(verdicts.code_taken(data))
            case "otp_invalid":
                said, again = verdicts.code_refused(data)
                return self._put_again([said]) if again else self._leave(said)
            case "error":
                return self._refused(event)
        return None

    def _refused(self, event: Mapping[str, Any]) -> Sequence[TurnEvent] | None:
        code, message = events.error_of(event)
        if code in verdicts.GONE:
            return self._settle(verdicts.GONE[code])
        is_turns = event.get("requestId") == self._turn
        if is_turns and (self._delivery.moot or code not in verdicts.REFUSALS):
            return None
        said = f"{code}: {message}"
        return self._put_again([said]) if code in verdicts.PASSING else self._leave(said)

    def _invalid(self, data: Mapping[str, Any]) -> Sequence[TurnEvent]:
        form, frame = self._prompt, self._delivery.frame
        if not isinstance(form, Form) or not frame or not self._can_ask(form):
            return []
        if string(data, "interactionId") != form.id:
            return []
        self._delivery = Delivery()
        again = dialogue(form, form.given(mapping(frame, "values")), verdicts.faulty(data))
        return self._interview.begin(again, verdicts.faults(form, data))

    def _settle(self, said: str) -> Sequence[TurnEvent]:
        """It is answered, and is not asked again. A code may be: the next one is another one."""
        if self._prompt is not None and not isinstance(self._prompt, Code):
            self._settled.add(self._prompt.id)
        self.end()
        return [Notice(said)]

    def _put_again(self, lines: Sequence[str]) -> Sequence[TurnEvent]:
        delivery, self._delivery = self._delivery, Delivery()
        if self._prompt is None or delivery.moot:
            return self._settle(" ".join(lines))
        if not self._can_ask(self._prompt):
            return self._leave(" ".join(lines))
        return self._interview.begin(dialogue(self._prompt), lines)

    def _leave(self, said: str) -> Sequence[TurnEvent]:
        self._delivery = Delivery()
        return [Notice(said), *self._take(None)]

    def _undecidable(self, what: str, approval: str = "", who: str = "") -> Sequence[TurnEvent]:
        is_possible = self._interview.is_possible
        return [Waiting(what, who) if is_possible else Unattended(what, approval, who)]
