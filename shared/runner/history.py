"""How much of a conversation a model is reminded of."""

from collections.abc import Sequence

from shared.runner.request import Message


def estimate_tokens(message: Message) -> int:
    """A cautious guess: four bytes of UTF-8 a token, and a little for the message itself."""
    said = message.get("content") or message.get("said") or message.get("text", "")
    return len(str(said).encode("utf-8", "replace")) // 4 + 8


def newest(messages: Sequence[Message], budget: int) -> tuple[Message, ...]:
    """The longest end of the messages that fits a budget of tokens."""
    spent = 0
    start = len(messages)
    while start > 0:
        spent += estimate_tokens(messages[start - 1])
        if spent > budget:
            break
        start -= 1
    return tuple(messages[start:])
