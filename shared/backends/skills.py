"""Skills: texts that tell an agent how to do one thing, `<library>/skills/<name>.md`.

A file may begin with front matter between two lines `---`, with a `description` for people who
choose among skills. The rest is for the model. Files are read again when they change.
"""

import re
from pathlib import Path
from typing import NamedTuple

from shared.backends.yaml_text import BadYaml, Document
from shared.protocol.variables import check_places

MAX_BYTES = 64 * 1024
_MAX_DESCRIPTION = 1024

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


class SkillFault(ValueError):
    """A skill cannot be had; the reason, to go on where its name in a configuration ends."""


class Skill(NamedTuple):
    """What the model is told, and what people are told of it."""

    text: str
    description: str | None


class _Cached(NamedTuple):
    stamp: tuple[int, int]
    skill: Skill


class Skills:
    """The skills of one library folder. Names come from a checked configuration."""

    def __init__(self, library: Path) -> None:
        self._folder = library / "skills"
        self._cache: dict[str, _Cached] = {}

    def text(self, name: str) -> str:
        """What the model is told. Raises SkillFault."""
        return self.get(name).text

    def get(self, name: str) -> Skill:
        """Raises SkillFault."""
        path = self._folder / f"{name}.md"
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            cached = self._cache.get(name)
            if cached and cached.stamp == stamp:
                return cached.skill
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise SkillFault(f"names a skill without a file; add {_shown(name)}") from None
        except OSError as fault:
            raise SkillFault(f"names a skill whose file {_shown(name)} cannot be read") from fault
        skill = _parsed(name, data)
        self._cache[name] = _Cached(stamp, skill)
        return skill


def _parsed(name: str, data: bytes) -> Skill:
    if len(data) > MAX_BYTES:
        raise _refused(name, f"is larger than {MAX_BYTES // 1024} KB")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _refused(name, "is not UTF-8") from None
    description = None
    if front := _FRONT_MATTER.match(text):
        description = _description(name, front[1])
        text = text[front.end() :]
    if not text.strip():
        raise _refused(name, "has no text")
    try:
        check_places(text)
    except ValueError as fault:
        raise _refused(name, str(fault)) from None
    return Skill(text.strip(), description)


def _description(name: str, front: str) -> str | None:
    try:
        values = Document(front).values
    except BadYaml as fault:
        # The front matter begins in the second line.
        raise _refused(name, f"is not valid in line {fault.line + 1}: {fault}") from None
    if values is None:
        return None
    if not isinstance(values, dict) or values.keys() - {"description"}:
        raise _refused(name, "may have only a description in its front matter")
    found = values["description"]
    if not isinstance(found, str) or not 0 < len(found.strip()) <= _MAX_DESCRIPTION:
        raise _refused(name, f"must have a description of 1 to {_MAX_DESCRIPTION} characters")
    return found.strip()


def _refused(name: str, reason: str) -> SkillFault:
    return SkillFault(f"names a skill that is not valid: {_shown(name)} {reason}")


def _shown(name: str) -> str:
    return f"skills/{name}.md in the library (LIBRARY_DIR)"
