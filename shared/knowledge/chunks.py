"""Documents in pieces: what is found, and what the model reads of it.

A piece belongs to one heading and knows the headings above it. Paragraphs go together as long as
they fit; code stays in one piece unless it is very large.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

SIZE = 1_200
"""Characters that a piece should have at most."""

LARGEST = 4_000
"""Characters of a piece that is one block of code, or one line of it."""

MAX_HEADING = 160
"""Characters of one heading that a piece repeats."""

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")


@dataclass(frozen=True)
class Chunk:
    """A piece: the headings above it, the outermost first, and what stands there."""

    headings: tuple[str, ...]
    text: str

    @property
    def told(self) -> str:
        """With its headings, as it is indexed and told."""
        return "\n\n".join(part for part in (" > ".join(self.headings), self.text) if part)


@dataclass
class _Block:
    code: bool = False
    lines: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")


def chunks(text: str) -> Iterator[Chunk]:
    """The pieces of a document, in their order. Nothing is in two of them, and nothing is lost but
    headings that are longer than `MAX_HEADING`."""
    path: list[tuple[int, str]] = []
    blocks: list[_Block] = []
    for level, heading, block in _parts(text):
        if block is not None:
            if block.text.strip():
                blocks.append(block)
            continue
        deeper = path and not blocks and level > path[-1][0]
        if not deeper:
            yield from _packed(path, blocks)
        blocks = []
        path = [each for each in path if each[0] < level]
        path.append((level, heading[:MAX_HEADING]))
    yield from _packed(path, blocks)


def _parts(text: str) -> Iterator[tuple[int, str, _Block | None]]:
    """Headings as `(level, text, None)`, and blocks of other lines."""
    block = _Block()
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.fullmatch(line)
        if fence:
            block.lines.append(line)
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                yield 0, "", block
                block, fence = _Block(), ""
        elif mark and not (mark[1][0] == "`" and "`" in mark[2]):
            yield 0, "", block
            block, fence = _Block(code=True, lines=[line]), mark[1]
        elif found := _HEADING.fullmatch(line):
            yield 0, "", block
            block = _Block()
            yield len(found[1]), (found[2] or "").strip(), None
        elif line.strip():
            block.lines.append(line)
        else:
            yield 0, "", block
            block = _Block()
    yield 0, "", block


def _packed(path: list[tuple[int, str]], blocks: list[_Block]) -> Iterator[Chunk]:
    headings = tuple(heading for _, heading in path if heading)
    if not blocks and headings:
        yield Chunk(headings, "")
    held: list[str] = []
    length = 0
    for block in blocks:
        for piece in _pieces(block):
            if held and length + len(piece) > SIZE:
                yield Chunk(headings, "\n\n".join(held))
                held, length = [], 0
            held.append(piece)
            length += len(piece)
    if held:
        yield Chunk(headings, "\n\n".join(held))


def _pieces(block: _Block) -> Iterator[str]:
    text = block.text
    most = LARGEST if block.code else SIZE
    if len(text) <= most:
        yield text
        return
    held = ""
    for part in block.lines if block.code else _SENTENCE.split(text):
        joined = f"{held}\n{part}" if held else part
        if len(joined) <= most:
            held = joined
            continue
        if held:
            yield held
        *full, held = [part[at : at + most] for at in range(0, len(part), most)] or [""]
        yield from full
    if held:
        yield held
