"""What is left to show of a reply when its ending has come.

The ending has all that was said in the turn, before tools were called and after, as it was
streamed. White space does not tell two replies apart.
"""

CUT = "…"
"""What a server puts where it cut a long reply."""


def remainder(shown: str, whole: str) -> str | None:
    """What of the whole reply is still to be shown after `shown` was streamed; None if the reply
    is another one than was streamed.

    A reply that was cut in its ending is whole if more of it was streamed.
    """
    if whole.startswith(shown):
        return whole[len(shown) :]
    if _goes_beyond(shown, whole):
        return ""
    marks = _marks(shown)
    if not _marks(whole).startswith(marks):
        return None
    left = whole[_end(whole, len(marks)) :]
    return left if left.strip() else ""


def uncut(streamed: str, whole: str) -> str:
    """The whole reply, taken from what was streamed if its ending has it cut."""
    return streamed if _goes_beyond(streamed, whole) else whole


def _goes_beyond(streamed: str, whole: str) -> bool:
    """Whether the whole reply was cut, and more of it was streamed."""
    if not whole.endswith(CUT):
        return False
    begun, marks = _marks(whole.removesuffix(CUT)), _marks(streamed)
    return len(marks) > len(begun) and marks.startswith(begun)


def _marks(text: str) -> str:
    return "".join(text.split())


def _end(text: str, marks: int) -> int:
    """Where the text is after so many characters that are no white space."""
    at = 0
    while marks:
        marks -= not text[at].isspace()
        at += 1
    return at
