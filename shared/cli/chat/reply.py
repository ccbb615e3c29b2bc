"""What is left to show of a reply when its ending has come."""

CUT = "…"
"""What a server puts where it cut a long reply."""


def remainder(shown: str, since_tool: str, whole: str) -> str | None:
    """What of the whole reply is still to be shown after `shown` was streamed, of which
    `since_tool` came after the last tool; None if the reply is another one than was streamed.

    A reply that was cut in its ending is whole if more of it was streamed.
    """
    for part in (shown, since_tool):
        if whole.startswith(part):
            return whole[len(part) :]
        if whole.endswith(CUT) and part.startswith(whole.removesuffix(CUT)):
            return ""
    return None


def uncut(streamed: str, whole: str) -> str:
    """The whole reply, taken from what was streamed if its ending has it cut."""
    begun = whole.endswith(CUT) and streamed.startswith(whole.removesuffix(CUT))
    return streamed if begun and len(streamed) > len(whole) else whole
