"""YAML from a file, read strictly, with the line of everything in it.

Only what JSON has too, plus comments and blocks: no tags of Python's, no anchors and aliases
(a few lines of them can stand for gigabytes), no name twice.
"""

from collections.abc import Hashable
from typing import Any

import yaml

from shared.protocol.faults import Fault


class BadYaml(ValueError):
    """The text is refused. `line` counts from 1; the text of the error is the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            # PyYAML's stubs leave this one untyped.
            alias = self.peek_event()  # type: ignore[no-untyped-call]
            raise BadYaml(alias.start_mark.line + 1, "aliases are not supported")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for name, _ in node.value:
            line = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode):
                raise BadYaml(line, "the name of a field must be a text")
            if name.value in seen:
                raise BadYaml(line, f'"{name.value}" stands here a second time')
            seen.add(name.value)
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
            raise BadYaml(_line(fault), fault.problem or "this is not YAML") from None
        except yaml.reader.ReaderError as fault:
            line = text.count("\n", 0, fault.position) + 1
            raise BadYaml(line, "a character that YAML does not allow") from None
        except BadYaml:
            raise
        except (ValueError, RecursionError):
            # A date that is none, for one; the text has no line to name.
            raise BadYaml(1, "a value that cannot be read; put texts in quotes") from None

    def line_of(self, fault: Fault) -> int:
        """The line of what the fault is about, or of what should have held it."""
        node, line = self._root, 1
        for step in fault.path:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return line


def _line(fault: yaml.MarkedYAMLError) -> int:
    marks = [fault.problem_mark, fault.context_mark]
    if isinstance(fault, yaml.scanner.ScannerError):
        # It may notice at the end of the file; the context is where the text begins.
        marks.reverse()
    found = [mark for mark in marks if mark is not None]
    return found[0].line + 1 if found else 1


def _child(node: Any, step: str | int) -> tuple[Any, int] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == step:
                return value, name.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line + 1
    return None
