"""What is shown of one reply of the model while it comes."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.models.port import Completed
from shared.runner.suggestions import Trailer
from shared.runner.text import clean


def between(answer: str, said: str) -> str:
    """What stands between an answer and what one more reply says."""
    apart = answer.endswith("\n\n") or said.startswith("\n\n")
    return "\n\n" if said and answer and not apart else ""


class Speaker:
    """What is shown of one reply, in pieces: set off from what was said before, without its trailer
    of suggestions. A reply of nothing but white space says nothing."""

    def __init__(self, answer: str, *, suggested_replies: bool) -> None:
        self._answer = answer
        self._trailer = Trailer() if suggested_replies else None
        self._heard = ""
        self._held = ""
        self.shown = ""
        self.spoken = False

    def speak(self, text: str) -> str:
        """What is shown after this piece."""
        self.spoken = True
        self._heard += text
        self._held += text
        # White space at the beginning waits for a word, half a character for its other half.
        end = len(self._held) - (1 if "\ud800" <= self._held[-1:] <= "\udbff" else 0)
        if not self.shown and not self._held[:end].strip():
            return ""
        piece, self._held = clean(self._held[:end]), self._held[end:]
        return self._show(self._trailer.feed(piece) if self._trailer else piece)

    def _show(self, text: str) -> str:
        before = "" if self.shown else between(self._answer, text)
        self.shown += text
        return before + text

    def said(self, completed: Completed) -> tuple[str, Sequence[str]]:
        """The whole text of the reply, and the suggestions in its trailer."""
        text = clean(self._heard) or _text(completed.content)
        if not text.strip():
            return "", ()
        if self._trailer is None:
            return text, ()
        trailer = Trailer()
        shown = trailer.feed(text)
        rest, suggestions = trailer.finish()
        return shown + rest, suggestions

    def rest(self, said: str) -> str:
        """What of the whole text has not been shown yet."""
        return self._show(said[len(self.shown) :]) if said.startswith(self.shown) else ""


def _text(content: Sequence[Mapping[str, Any]]) -> str:
    parts = [block["text"] for block in content if block.get("type") == "text"]
    return clean("".join(str(part) for part in parts))
