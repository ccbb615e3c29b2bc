"""The answer of a turn as far as it has been said, and what of it a client has missed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.protocol import events, replies

FITTING = 10_000
"""Characters of text in one event. Escaped, one may take six bytes."""


class Missing(NamedTuple):
    """What a client that has come back is to be told: its text is to be cut to `begin` code points,
    if it has more (`cut`), and `text` follows."""

    begin: int
    text: str
    cut: bool


class Transcript:
    """What has been said and still stands. Positions are code points.

    `cut` is the first position from which on something was ever said that does not stand any more,
    because a reply broke off and was said anew; None: never. A client that has text from beyond it
    cannot know which of the two it is.
    """

    def __init__(self, text: str = "", cut: int | None = None) -> None:
        self._pieces = [text]
        self._length = len(text)
        self.cut = cut

    @property
    def text(self) -> str:
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    @property
    def length(self) -> int:
        return self._length

    def add(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)

    def restart(self, kept: int) -> None:
        """Only the first `kept` code points stand; the rest is said anew."""
        self._pieces = [self.text[:kept]]
        self._length = len(self._pieces[0])
        self.cut = kept if self.cut is None else min(self.cut, kept)

    def missing(self, received: int, *, truncates: bool) -> Missing:
        """What a client with so much text is to be told. One that cannot cut its text is told
        nothing where that would be needed: the end of the turn has the whole text."""
        stands = min(received, self._length)
        if self.cut is not None:
            stands = min(stands, self.cut)
        if stands == received:
            return Missing(received, self.text[received:], cut=False)
        if not truncates:
            return Missing(received, "", cut=False)
        return Missing(stands, self.text[stands:], cut=True)


def missed(
    request_id: str,
    status: str,
    missing: Missing,
    *,
    at: int,
    session: str | None = None,
    prompt: Mapping[str, Any] | None = None,
) -> tuple[list[bytes], list[str]]:
    """What the client of a turn that has come back is told: whole events (that it is to cut its
    text, if it is; then the answer to its frame, with as much text as fits), and the rest of the
    text in pieces, to be said as if it was said only now. `prompt` is what the turn waits for,
    and `session` its own."""
    text = missing.text[:FITTING]
    rest = [
        missing.text[begin : begin + FITTING]
        for begin in range(FITTING, len(missing.text), FITTING)
    ]
    data = replies.resumed(
        request_id, status, begin=missing.begin, text=text, session=session, prompt=prompt
    )
    answer = events.immediate_response(request_id, events.FINAL, at=at, data=data)
    told = [events.truncated(request_id, missing.begin, at=at)] if missing.cut else []
    return [events.encode(event) for event in [*told, answer]], rest
