"""YAML from a file, read strictly, with the line of everything in it.

Only what JSON has too, plus comments and blocks: no tags, no anchors and aliases (a few lines of
them can stand for gigabytes), no name twice. The names of fields are taken as they are written:
`no` is a name, not false.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from shared.backends import yaml_reasons
from shared.protocol.faults import Fault, shown

MAX_DEPTH = 64
"""How deep lists and objects may be nested."""

_TAG = "tag:yaml.org,2002:"
_TEXT_OR = "if it is a text, put it in quotes; if not, write it in another way"
_MISREAD = re.compile(r"[-+]?0\d[\d_]*|[^:]+:.*", re.ASCII)
"""Numbers of base 8 and base 60, which look like others."""


class BadYaml(ValueError):
    """The text is refused. `line` counts from 1; the text of the error is the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class _Loader(yaml.SafeLoader):
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        # PyYAML's stubs leave this one untyped.
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise _marked(line, "*", "aliases")
        if event.anchor is not None:
            raise _marked(line, "&", "anchors")
        if event.tag is not None:
            raise _marked(line, "!", "tags")
        if self._depth == MAX_DEPTH:
            raise BadYaml(line, f"what stands here is nested more than {MAX_DEPTH} levels deep")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        if node.tag in (f"{_TAG}merge", f"{_TAG}value"):
            # `<<` and `=` mean something to some parsers; here they are texts like others.
            node.tag = f"{_TAG}str"
        line = node.start_mark.line + 1
        try:
            found = super().construct_object(node, deep)
        except BadYaml:
            raise
        except (ValueError, ArithmeticError):
            what = "date that does not exist" if node.tag == f"{_TAG}timestamp" else "bad number"
            raise BadYaml(line, f"a {what}; {_TEXT_OR}") from None
        if isinstance(found, int | float) and _MISREAD.fullmatch(node.value):
            raise BadYaml(line, f"YAML reads {shown(node.value)} as another number; {_TEXT_OR}")
        return found

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for name, _ in node.value:
            line = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode):
                raise BadYaml(
                    line,
                    "the name of a field must be a text; put a text that begins with { or [ in "
                    "quotes",
                )
            if name.value in seen:
                raise BadYaml(line, f'"{shown(name.value)}" stands here a second time; remove one')
            seen.add(name.value)
            name.tag = f"{_TAG}str"
        return super().construct_mapping(node, deep)


class Document:
    """One YAML document: its values, and where they stand."""

    def __init__(self, text: str) -> None:
        """Raises BadYaml."""
        try:
            loader = _Loader(text)
            self._root = loader.get_single_node()
            self.values: Any = loader.construct_document(self._root) if self._root else None
        except yaml.MarkedYAMLError as fault:
            raise BadYaml(yaml_reasons.line(fault), yaml_reasons.reason(fault)) from None
        except yaml.reader.ReaderError as fault:
            line = text.count("\n", 0, fault.position) + 1
            raise BadYaml(line, "a character that YAML does not allow; remove it") from None
        except BadYaml:
            raise
        except (ValueError, ArithmeticError):
            # What the scanner itself cannot convert, such as "\UFFFFFFFF".
            raise BadYaml(
                loader.line + 1,
                r"an escape that stands for no character; write \\, or use single quotes",
            ) from None

    def line_of(self, fault: Fault) -> int:
        """The line of what the fault is about, or of what should have held it."""
        node, line = self._root, 1
        for step in fault.path:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return line


def _marked(line: int, mark: str, what: str) -> BadYaml:
    return BadYaml(line, f"{what} are not supported; put a text that begins with {mark} in quotes")


def _child(node: Any, step: str | int) -> tuple[Any, int] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == step:
                return value, name.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line + 1
    return None
