"""Showing a reply while it comes: rendered in a terminal, or as plain text in the end."""

from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from shared.cli.chat.markdown import Rendered, split
from shared.cli.chat.reply import remainder, uncut

REWRITTEN = "The reply was written anew:"
_PER_SECOND = 10


class ReplyView(Protocol):
    """One reply after another."""

    def begin(self) -> None:
        """A reply is expected."""
        ...

    def token(self, text: str) -> None: ...

    def restart(self, kept: str) -> None:
        """Only this much of the reply stands; the rest is said anew."""
        ...

    def thought(self, text: str) -> None: ...

    def pause(self) -> None:
        """Leave the cursor on a fresh line: something else is to be printed."""
        ...

    def finish(self, whole: str | None) -> None:
        """The reply is complete; None: it ends as it stands."""
        ...


class PlainReply:
    """Only what is certain, and only the reply: for pipes and files."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._streamed = ""

    def begin(self) -> None:
        self._streamed = ""

    def token(self, text: str) -> None:
        self._streamed += text

    def restart(self, kept: str) -> None:
        self._streamed = kept

    def thought(self, text: str) -> None:
        pass

    def pause(self) -> None:
        pass

    def finish(self, whole: str | None) -> None:
        if whole is None:
            return
        text = uncut(self._streamed, whole)
        self._out.write(text if text.endswith("\n") else f"{text}\n")
        self._out.flush()


class LiveReply:
    """Markdown as it comes. Finished blocks stay on the screen, the unfinished one is drawn anew
    several times a second. A reply that is said anew shows as soon as it is longer than what stands
    on the screen, or another one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._shown = ""
        self._anew: str | None = None
        self._tail = ""
        self._thinking = False
        self._blocks = 0

    def begin(self) -> None:
        self._shown = self._tail = ""
        self._anew = None
        self._thinking = False
        self._blocks = 0
        self._start()

    def token(self, text: str) -> None:
        if self._anew is not None:
            text = self._said_anew(self._anew + text)
        if not text:
            return
        self._turn_to(thinking=False)
        self._shown += text
        self._add(text)

    def restart(self, kept: str) -> None:
        self._anew = kept

    def _said_anew(self, reply: str) -> str:
        """What of the reply is to be added to the screen."""
        if self._shown.startswith(reply):
            self._anew = reply
            return ""
        self._anew = None
        if reply.startswith(self._shown):
            return reply.removeprefix(self._shown)
        self.pause()
        self._console.print(Text(REWRITTEN, style="dim"))
        self._shown = ""
        return reply

    def thought(self, text: str) -> None:
        self._turn_to(thinking=True)
        self._add(text)

    def pause(self) -> None:
        block, self._tail = self._tail, ""
        live, self._live = self._live, None
        if live is not None:
            live.stop()
        self._print(block)

    def finish(self, whole: str | None) -> None:
        left = "" if whole is None else remainder(self._shown, whole)
        if left is None:
            self.pause()
            self._console.print(Text(REWRITTEN, style="dim"))
            self._tail = whole or ""
        elif left:
            self._turn_to(thinking=False)
            self._tail += left
        self.pause()

    def _turn_to(self, *, thinking: bool) -> None:
        if self._thinking != thinking:
            self.pause()
            self._thinking = thinking
        if self._live is None:
            self._start()

    def _add(self, text: str) -> None:
        self._tail += text
        if "\n" not in text and not self._tail.endswith("\n" + text):
            return
        done, self._tail = split(self._tail)
        self._print(done)

    def _print(self, block: str) -> None:
        if not block.strip():
            return
        if self._blocks:
            self._console.print()
        self._blocks += 1
        self._console.print(self._rendered(block))

    def _start(self) -> None:
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _draw(self) -> Rendered | Text:
        tail = self._tail
        return self._rendered(tail, last=True) if tail.strip() else Text("…", style="dim")

    def _rendered(self, text: str, *, last: bool = False) -> Rendered:
        return Rendered(text, style="dim italic" if self._thinking else "", last=last)
