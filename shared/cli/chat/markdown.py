"""Markdown in a terminal, piece by piece: what is finished stays, the rest may still change."""

import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown
from rich.segment import Segment

from shared.cli.chat.clean import clean

_FENCE = re.compile(r"\s*(`{3,}|~{3,})(.*)")
_ROOM = 3
"""Lines of the screen that the unfinished part leaves free."""


def split(text: str) -> tuple[str, str]:
    """The finished blocks of the text, and what may still grow.

    A block is finished when, after a blank line outside of a code fence, another one has begun at
    the left margin: what is indented might belong to a list.
    """
    cut = position = 0
    fence = ""
    blank = False
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if not fence and blank and not line[0].isspace():
            cut = position
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
        blank = not line.strip()
        position += len(line)
    return text[:cut], text[cut:]


class Rendered:
    """Markdown as lines for this console; with `last` only as many of the last ones as fit."""

    def __init__(self, text: str, *, style: str = "", last: bool = False) -> None:
        # Links are written out: what one points to must be seen before it is clicked.
        self._markdown = Markdown(text, code_theme="ansi_dark", hyperlinks=False, style=style)
        self._last = last

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._markdown, options.update(height=None), pad=False)
        room = max(1, console.height - _ROOM)
        for line in lines[-room:] if self._last else lines:
            yield from _safe(line)
            yield Segment.line()


def _safe(line: Iterable[Segment]) -> Iterable[Segment]:
    """The segments without control characters. Markdown can make new ones, of entities and of
    percent signs in addresses."""
    return [Segment(clean(each.text), each.style) for each in line if not each.control]
