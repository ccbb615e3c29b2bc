"""Suggested replies: what the user may want to say next, at the end of the model's text.

An agent with `suggested_replies` asks its model to end with a list between two tags. The list is
cut off before anybody sees it, also while the text is streamed in pieces.
"""

import json

OPENING = "<suggested_replies>"
CLOSING = "</suggested_replies>"
MAX_SUGGESTIONS = 4
MAX_CHARACTERS = 80

CONTRACT = f"""\
When there are obvious things that the user may want to say next, end your answer with up to \
{MAX_SUGGESTIONS} of them, each a few words long and in the user's voice, as a JSON list of texts \
between the tags {OPENING} and {CLOSING}. Write nothing after it, and do not mention it."""


class Trailer:
    """Takes the text of a reply in pieces and gives back what may be shown."""

    def __init__(self) -> None:
        self._held = ""
        self._found = False

    def feed(self, piece: str) -> str:
        """What may be shown after this piece. White space is held back with what may become the
        opening tag, so that an answer does not end in empty lines."""
        self._held += piece
        if self._found:
            return ""
        at = self._held.find(OPENING)
        if at >= 0:
            self._found = True
        else:
            at = _safe(self._held)
        at = len(self._held[:at].rstrip()) if self._found else at
        shown, self._held = self._held[:at], self._held[at:]
        return shown

    def finish(self) -> tuple[str, list[str]]:
        """What is left to be shown at the end, and the suggestions. A list that is none is not
        shown either: it was not meant for the user."""
        if not self._found:
            return self._held, []
        listed, _, after = self._held[self._held.index(OPENING) + len(OPENING) :].partition(CLOSING)
        return (f"\n\n{after.strip()}" if after.strip() else ""), _suggestions(listed)


def _safe(text: str) -> int:
    """How much of the text cannot be white space before, and the beginning of, the tag."""
    for length in range(min(len(OPENING) - 1, len(text)), 0, -1):
        if OPENING.startswith(text[-length:]):
            return len(text[:-length].rstrip())
    return len(text.rstrip())


def _suggestions(written: str) -> list[str]:
    try:
        listed = json.loads(written)
    except (ValueError, RecursionError):
        return []
    if not isinstance(listed, list):
        return []
    texts = [" ".join(entry.split()) for entry in listed if isinstance(entry, str)]
    return [text for text in texts if 0 < len(text) <= MAX_CHARACTERS][:MAX_SUGGESTIONS]
