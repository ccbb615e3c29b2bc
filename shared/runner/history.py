"""How much of a conversation a model is reminded of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
"""`{role: user|assistant|tool, text, …}`; see `docs/runner.md`."""

IMAGE_TOKENS = 1_600
"""What a picture costs, about."""

SHORTENED = 1_000
"""Characters that stay of a result for which there is no room any more."""


def estimate_tokens(message: Message) -> int:
    """A cautious guess: four bytes of UTF-8 a token, and a little for the message itself."""
    said = message.get("content") or message.get("said") or message.get("text", "")
    shown = IMAGE_TOKENS * len(message.get("images") or ())
    return len(str(said).encode("utf-8", "replace")) // 4 + 8 + shown


def newest(messages: Sequence[Message], budget: int) -> tuple[Message, ...]:
    """The longest end of the messages that fits a budget of tokens.

    Of a turn that does not fit with its calls and results, the question and the answer are kept
    without them: what was said matters more than what was looked up.
    """
    kept: list[Message] = []
    for turn in reversed(list(_turns(messages))):
        whole = sum(map(estimate_tokens, turn))
        if whole <= budget:
            kept[:0], budget = turn, budget - whole
            continue
        for message in reversed(_words(turn)):
            cost = estimate_tokens(message)
            if cost > budget:
                return tuple(kept)
            kept.insert(0, message)
            budget -= cost
    return tuple(kept)


def staying(messages: Sequence[Message], budget: int) -> int:
    """From which of the messages on they stay as they are when those before are put in a summary:
    the longest end that fits a budget of tokens and begins with a question. The last turn stays
    if its words alone fit; `len(messages)`: nothing does."""
    start = len(messages)
    for turn in reversed(list(_turns(messages))):
        cost = sum(map(estimate_tokens, turn))
        if cost > budget and start == len(messages):
            cost = sum(map(estimate_tokens, _words(turn)))
        if cost > budget or turn[0]["role"] != "user":
            break
        start, budget = start - len(turn), budget - cost
    return start


def shortened(progress: Sequence[Message], budget: int) -> list[Message]:
    """The notes of a running turn, with the oldest results cut where all of them together do not
    fit a budget of tokens. Those of the last reply stay: the model has not seen them yet."""
    over = sum(map(estimate_tokens, progress)) - budget
    replies = [at for at, message in enumerate(progress) if message["role"] == "assistant"]
    fitting = list(progress)
    for at in range(replies[-1] if replies else 0):
        if over <= 0:
            break
        cut = _cut(fitting[at])
        over -= estimate_tokens(fitting[at]) - estimate_tokens(cut)
        fitting[at] = cut
    return fitting


def _cut(message: Message) -> Message:
    text = str(message.get("text", ""))
    if message["role"] != "tool" or len(text) <= SHORTENED:
        return message
    told = f"[{len(text) - SHORTENED} more characters were left out to make room.]"
    return {**message, "text": f"{text[:SHORTENED]}\n{told}"}


def _turns(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages, cut before each of the user's."""
    turn: list[Message] = []
    for message in messages:
        if message["role"] == "user" and turn:
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn


def _words(turn: Sequence[Message]) -> list[Message]:
    """What people see of a turn. Without the steps between, its answer stands for all of them."""
    return [
        {name: value for name, value in message.items() if name != "said"}
        for message in turn
        if message["role"] != "tool" and "text" in message
    ]
