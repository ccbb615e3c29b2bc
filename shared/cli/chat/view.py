"""What the person sees, but for the reply itself: lines, dim ones for what is beside the point."""

import shlex
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.text import Text

from shared.cli.chat import events
from shared.cli.chat.clean import one_line
from shared.cli.chat.events import Ending, Message, TurnEvent
from shared.cli.chat.markdown import Rendered
from shared.cli.chat.replies import ReplyView
from shared.cli.chat.shapes import string

DIM = "dim"
ERROR = "red"
_LEAST = 0.0001


class View:
    """`notes` takes all lines, `replies` the replies."""

    def __init__(self, notes: Console, replies: ReplyView, *, rendered: bool) -> None:
        self._notes = notes
        self._replies = replies
        self._rendered = rendered
        self.suggestions: Sequence[str] = ()
        """What the last reply suggested to say next."""

    def follow(self, turn: Generator[TurnEvent, None, None]) -> Ending | None:
        """Show a turn from its first event to its last; how it ended, if there is one."""
        ending = None
        self.begin()
        try:
            with closing(turn) as said:
                for event in said:
                    self.show(event)
                    ending = event if isinstance(event, Ending) else ending
        finally:
            self.end()
        return ending

    def begin(self) -> None:
        """A turn begins."""
        self.suggestions = ()
        self._replies.begin()

    def end(self) -> None:
        """The turn is over, in whatever way."""
        self._replies.finish(None)

    def hold(self) -> None:
        """Nothing is written until the next event: somebody else has the cursor."""
        self._replies.pause()

    def note(self, text: str) -> None:
        self._replies.pause()
        self._line(text, DIM)

    def error(self, text: str) -> None:
        self._replies.pause()
        self._line(text, ERROR)

    def show(self, event: TurnEvent) -> None:
        """One event of a turn."""
        match event:
            case events.Token() | events.Restarted() | events.Thought():
                self._stream(event)
            case events.ToolCalled(name, arguments):
                self._tool(f"⚙ {name} {arguments}")
            case events.ToolAnswered(name, failed, result):
                self._tool(f"  {name}{' failed' if failed else ''}: {result}")
            case events.Notice(text):
                self.note(text)
            case events.Asked(lines):
                self._replies.pause()
                for line in lines:
                    self._line(line)
            case events.Waiting(what, who) if who:
                self.note(f"{who} decides about: {what}")
            case events.Waiting(what):
                self.note(f"Waiting for a decision, which this client cannot make: {what}")
            case events.Missed(missed):
                self.note("Meanwhile:")
                self.messages(missed)
            case _:
                self._end(event)

    def messages(self, messages: Sequence[Message]) -> None:
        """Messages of the conversation, in this order."""
        for message in messages:
            who = "You" if message.mine else "Agent"
            self._line(f"{who}, {_when(message.at)}", DIM)
            if message.mine:
                self._line(message.text)
            else:
                self.said(message.text)

    def said(self, text: str) -> None:
        """What the agent says, as a whole."""
        if self._rendered:
            self._notes.print(Rendered(text))
        else:
            self._line(text)

    def conversations(self, rows: Sequence[Mapping[str, Any]], first: int) -> None:
        """A numbered list, which begins with that number."""
        for number, row in enumerate(rows, first):
            title = one_line(string(row, "title")) or "(no title)"
            count = row.get("messageCount")
            about = f"{_when(one_line(string(row, 'updatedAt')))}, {count} messages"
            self._cut(Text.assemble(f"{number:>3}  {title}  ", (about, DIM)))

    def text(self, text: str) -> None:
        """A line of our own."""
        self._line(text)

    def _stream(self, event: events.Token | events.Restarted | events.Thought) -> None:
        match event:
            case events.Token(text):
                self._replies.token(text)
            case events.Restarted(text):
                self._replies.restart(text)
            case events.Thought(text):
                self._replies.thought(text)

    def _end(self, event: TurnEvent) -> None:
        match event:
            case events.Finished():
                self._replies.finish(event.text)
                for source in event.sources:
                    self._line(f"  from {source}", DIM)
                for file in event.files:
                    self._copied(f"  file {file}")
                self._usage(event)
                self.suggestions = event.suggestions
                for number, suggestion in enumerate(event.suggestions, 1):
                    self._line(f"  {number}  {suggestion}")
            case events.Failed(code, message):
                self.error(f"{code}: {message}")
            case events.Stopped():
                self.note("stopped")
            case events.Unattended():
                self._unattended(event)
            case events.Left():
                self.note("Not waiting any longer; /history shows the reply when it has come.")

    def _unattended(self, end: events.Unattended) -> None:
        self.error(f"The turn waits for a person, whom nobody can ask here: {end.what}")
        if end.approval:
            place = f"POST /approvals/{quote(end.approval)}"
            self._copied(f"approval {end.approval}")
            self._copied(f"{end.who} decides: {place}" if end.who else f"Decide: {place}")
        if end.conversation:
            again = f"parley chat --conversation {shlex.quote(one_line(end.conversation))}"
            self._copied(f"`{again}` in a terminal goes on with it.", DIM)
        self._line("The turn goes on waiting.", DIM)

    def _usage(self, end: events.Finished) -> None:
        said = []
        if end.prompt_tokens is not None and end.completion_tokens is not None:
            said.append(f"{end.prompt_tokens} + {end.completion_tokens} tokens")
        if end.cost_usd is not None:
            said.append(_money(end.cost_usd))
        if said:
            self._line(", ".join(said), DIM)

    def _tool(self, text: str) -> None:
        self._replies.pause()
        self._cut(Text(text, style=DIM))

    def _copied(self, text: str, style: str = "") -> None:
        """A line that is to be copied, so it is never broken."""
        self._notes.print(Text(text, style=style), soft_wrap=True)

    def _cut(self, line: Text) -> None:
        self._notes.print(line, no_wrap=True, overflow="ellipsis", soft_wrap=False)

    def _line(self, text: str, style: str = "") -> None:
        # A file or a pipe has no width: its lines stay whole.
        self._notes.print(Text(text, style=style), soft_wrap=not self._rendered)


def _money(usd: float) -> str:
    return f"under ${_LEAST}" if 0 < usd < _LEAST else f"${usd:.4f}"


def _when(text: str) -> str:
    """An ISO time as this machine's time zone has it; anything else as it is."""
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return text
