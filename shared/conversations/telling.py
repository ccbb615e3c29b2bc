"""Who hears a turn: the connections of its session, those that come late and those that come back.

What was told, and to whom, is kept with the activation; what was answered to those who came back
also beyond it, as a turn may be taken up again by this very process.
"""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from shared.clock import Clock
from shared.conversations.audience import Audience, Until
from shared.conversations.items import listener_name
from shared.conversations.prompts import Stored, resumed, shown, waits_for
from shared.conversations.recent import Recent
from shared.conversations.services import Limits
from shared.conversations.shown import Shown
from shared.conversations.stream import Poster, Stream
from shared.conversations.transcript import Transcript
from shared.conversations.turns import AWAITING
from shared.mailbox.box import Box, Heard, Job
from shared.mailbox.handler import Activation
from shared.mailbox.requests import Requests
from shared.storage.table import TransientError

log = logging.getLogger("parley")

LAST_WORD = 10.0
"""Seconds that a connection gets to take what is left, and the terminal event."""

DRAINING = 20.0
"""Seconds more for one that lags behind, if at its pace it will be done by then."""


class Telling:
    """Opens the streams of turns, and sees to who hears them."""

    def __init__(
        self, clock: Clock, requests: Requests, poster: Poster, limits: Limits, until: Until
    ) -> None:
        self._clock = clock
        self._requests = requests
        self._poster = poster
        self._limits = limits
        self._until = until
        self._letting_in = Lock()
        self._back: Recent[set[tuple[str, int]]] = Recent(1000)

    def open(self, activation: Activation) -> Stream:
        """The stream of a turn, to those who have heard it from the beginning."""
        streamed = activation.job.payload.get("stream", True)
        heard = listeners(activation) if streamed else {}
        back = self._returned(activation, activation.box)
        plain = {name: until for name, until in heard.items() if name not in back}
        stream = self._stream(activation, plain)
        activation.cleanup.callback(self._drop, activation, stream)
        return stream

    def _drop(self, activation: Activation, stream: Stream) -> None:
        stream.abandon()
        self._forget(activation, stream)

    def begin(self, activation: Activation, stream: Stream, answer: str) -> Shown:
        """What is shown goes on after what was noted. A worker that died may have shown more."""
        stream.begin(Transcript(answer, activation.job.attrs.get("cut")))
        shown = Shown(stream, truncates=activation.job.payload.get("truncates", False))
        if activation.box.crashes > 0:
            shown.taken_over()
        activation.kept["stream"] = stream
        self._let_in(activation, stream, activation.box, "running")
        return shown

    def heard(self, activation: Activation, box: Box) -> None:
        """Let in who has come back to the turn that runs, according to this mailbox."""
        stream: Stream | None = activation.kept.get("stream")
        if stream is not None:
            self._let_in(activation, stream, box, "running")

    def prompt(
        self,
        activation: Activation,
        prompt: Stored,
        expires_at: int,
        said: Callable[[], Transcript],
        *,
        to_all: bool,
    ) -> None:
        """Ask the people who hear the turn, or only those who have come back to it, for what it
        waits for. `said` reads the answer so far."""
        back = self._returned(activation, activation.box)
        if not (to_all or back):
            return
        job = activation.job
        heard = listeners(activation) if to_all else {}
        stream = self._stream(
            activation, {name: until for name, until in heard.items() if name not in back}
        )
        left = max(1.0, activation.seconds_left)
        try:
            if to_all:
                self._asked(activation, stream, prompt, expires_at, said)
            if back:
                stream.begin(said())
                status = AWAITING[waits_for(prompt["kind"])]
                asked = resumed(job, prompt, expires_at)
                self._let_in(activation, stream, activation.box, status, asked)
            settling = max(0, activation.settle_until - self._clock.now()) / 1000
            stream.close(min(LAST_WORD, left) + settling)
        finally:
            self._drop(activation, stream)

    def _asked(
        self,
        activation: Activation,
        stream: Stream,
        prompt: Stored,
        expires_at: int,
        said: Callable[[], Transcript],
    ) -> None:
        """Send the prompt; before it what was said, if a worker died that may not have sent all of
        that: once the prompt is noted as sent, nobody knows of it any more."""
        payload = activation.job.payload
        shows = payload.get("truncates", False) and payload.get("stream", True)
        if activation.box.crashes > 0 and shows:
            stream.begin(said())
            stream.say_again()
        for event in shown(activation.job, prompt, expires_at):
            stream.event(event)

    def _let_in(
        self,
        activation: Activation,
        stream: Stream,
        box: Box,
        status: str,
        prompt: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell those who have come back to the turn what they missed, and the rest as it comes."""
        truncates = activation.job.payload.get("truncates", False)
        with self._letting_in:  # the turn's own thread may be at it too
            for connection, heard in self._returned(activation, box).items():
                # What is not posted must not be noted as told: whoever goes on would say nothing.
                activation.keeper.check()
                received = int(heard.back[1]) if heard.back else 0
                self._heard(activation)[stream][connection] = heard.until
                if stream.join(
                    connection,
                    received,
                    truncates=truncates,
                    status=status,
                    session=activation.job.payload["session"],
                    prompt=prompt,
                ):
                    self._answered(activation).add((connection, heard.since))
                    name = listener_name(activation.job.payload["session"], connection)
                    try:
                        self._requests.told(box.key, name, heard)
                    except TransientError:
                        # Whoever goes on may answer once more; that does no harm.
                        log.warning("listener not noted as told", exc_info=True)

    def _returned(self, activation: Activation, box: Box) -> Mapping[str, Heard]:
        """The connections of the session that have come back to this turn, and have not been told
        yet what they missed."""
        session, ref = activation.job.payload["session"], activation.job.ref
        answered = self._answered(activation)
        return {
            connection: heard
            for connection, heard in heard_by(box, session).items()
            if heard.back and heard.back[0] == ref and (connection, heard.since) not in answered
        }

    def _answered(self, activation: Activation) -> set[tuple[str, int]]:
        """Who has been told, and when they had come back."""
        known = self._back.of(activation.job)
        if known is None:
            known = set()
            self._back.note(activation.job, known)
        return known

    def _heard(self, activation: Activation) -> dict[Stream, dict[str, int | None]]:
        """For each stream, until when each of its connections may hear the turn, as it was known
        when it was let in."""
        found: dict[Stream, dict[str, int | None]] = activation.kept.setdefault("heard", {})
        return found

    def _stream(self, activation: Activation, heard: Mapping[str, int | None]) -> Stream:
        known = dict(heard)
        audience = Audience(known, self._clock, self._until)
        stream = Stream(
            self._poster,
            self._clock,
            list(heard),
            request_id=activation.job.payload["request_id"],
            check=activation.keeper.check,
            window=self._limits.push_window,
            buffer=self._limits.push_buffer,
            settle_until=activation.settle_until,
            may_hear=audience.may_hear,
        )
        self._heard(activation)[stream] = known
        return stream

    def publish(self, activation: Activation) -> None:
        """Tell how the turn has ended."""
        # What is still on its way goes first, on the stream of the turn; whoever came to listen
        # since has none of it, and gets the end alone.
        running: Stream | None = activation.kept.pop("stream", None)
        known = set[str]()
        if running is not None:
            known = set(running.connections).difference(running.expired)
            self._note_expired(activation, running)
        back = self._returned(activation, activation.box)
        new = self._to_tell(activation)
        activation.told.update({*new, *known})
        rest = {name: until for name, until in new.items() if name not in {*known, *back}}
        others = self._stream(activation, rest)
        result = activation.job.body.get("result", {})
        others.begin(Transcript(result.get("text", ""), result.get("cut")))
        if running is None and activation.box.crashes > 0:
            self._say_again(activation.job, others)
        outcome = str(activation.job.outcome)
        self._let_in(activation, running or others, activation.box, outcome)
        for stream in (running, others):
            if stream is not None:
                stream.whole(activation.job.terminal.encode())
        settling = max(0, activation.settle_until - self._clock.now()) / 1000
        left = max(1.0, activation.seconds_left)
        for stream in (running, others):
            if stream is not None:
                draining = min(DRAINING, max(0.0, left - LAST_WORD))
                stream.close(min(LAST_WORD, left) + settling, draining=draining)
                self._note_expired(activation, stream)
                self._forget(activation, stream)

    def _to_tell(self, activation: Activation) -> Mapping[str, int | None]:
        """Who listens and has not been told how the turn ended. Whoever was told to authenticate
        instead has come back when it may hear until another time."""
        expired = activation.kept.setdefault("expired", {})
        return {
            name: until
            for name, until in listeners(activation).items()
            if name not in activation.told and (name not in expired or expired[name] != until)
        }

    def _note_expired(self, activation: Activation, stream: Stream) -> None:
        """Who was told to authenticate, and until when it could hear."""
        heard, expired = self._heard(activation)[stream], activation.kept.setdefault("expired", {})
        for name in stream.expired:
            if expired.get(name) != heard[name]:
                expired[name] = heard[name]
                activation.told.discard(name)

    def _say_again(self, job: Job, stream: Stream) -> None:
        """The worker that ended the turn died, and what it had sent by then nobody knows: clients
        that can cut their text get all of it once more."""
        shown = job.payload.get("truncates", False) and job.payload.get("stream", True)
        if shown and (stream.said.length or job.outcome == "cancelled"):
            stream.say_again()

    def _forget(self, activation: Activation, stream: Stream) -> None:
        """Stream no more to connections that are gone, or whose credential has run out."""
        session, box = activation.job.payload["session"], activation.box.key
        heard = self._heard(activation)[stream]
        forgotten: set[tuple[str, int | None]] = activation.kept.setdefault("forgotten", set())
        left = dict.fromkeys(stream.gone) | {name: heard[name] for name in stream.expired}
        for connection, until in [each for each in left.items() if each not in forgotten]:
            forgotten.add((connection, until))
            try:
                # One that has come back meanwhile, with a credential that lasts longer, stays.
                self._requests.detach(box, listener_name(session, connection), until=until)
            except TransientError:
                # It is found to be gone again, at the latest with the next turn.
                log.warning("listener not detached", exc_info=True)


def listeners(activation: Activation) -> Mapping[str, int | None]:
    """The connections of the turn's session, and until when each may hear it (ms)."""
    heard = heard_by(activation.box, activation.job.payload["session"])
    return {connection: each.until for connection, each in heard.items()}


def heard_by(box: Box, session: str) -> Mapping[str, Heard]:
    """The connections of a session that hear its conversation."""
    prefix = listener_name(session, "")
    return {
        name.removeprefix(prefix): heard
        for name, heard in box.conns.items()
        if name.startswith(prefix)
    }
