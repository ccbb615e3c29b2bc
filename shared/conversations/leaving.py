"""What a turn leaves that ends without its reply."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.conversations.messages import Message
from shared.mailbox.box import Job
from shared.runner.calls import MAX_CALLS, not_made, open_calls


class Left(NamedTuple):
    """`unmade` are the notes of its calls that never began, and never will. `escalation` is why it
    has asked for a person, and `escalated` the number of the message of the log that says so: that
    person was promised, whatever became of the turn."""

    unmade: Sequence[Message] = ()
    escalation: str | None = None
    escalated: int | None = None


NOTHING_LEFT = Left()


def left_by(job: Job, progress: Sequence[Message]) -> Left:
    """What the turn with these notes leaves. Of calls no more than may be made in one reply, as
    they are written together with the end of the turn."""
    first = int(job.attrs["count"]) + 1
    calls = [call for call in open_calls(progress, first) if job.mark(call.key) is None]
    unmade = [not_made(call) for call in calls[:MAX_CALLS]]
    for number, note in reversed(list(enumerate(progress, start=first))):
        if note.get("escalation"):
            return Left(unmade, str(note["escalation"]), number)
    return Left(unmade)
