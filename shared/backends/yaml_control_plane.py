"""The control plane of files: agents in `<folder>/<agent id>.yaml`, the tools that they share in
`<folder>/tools/<tool id>.yaml`.

A file that cannot be read is refused with its name, the line and the reason. Files are read again
when they change.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from shared.backends.control_plane import AgentConfig, AgentPage, NotThere
from shared.backends.null_control_plane import NullControlPlane
from shared.backends.yaml_text import BadYaml, Document
from shared.errors import AgentNotUsable, ConfigurationError
from shared.protocol.faults import Fault
from shared.protocol.names import checked_id

MAX_BYTES = 256 * 1024

_SUFFIX = ".yaml"


@dataclass(frozen=True)
class YamlFile:
    """Where a configuration was read: the file as people know it, without where on this machine
    it lies."""

    shown: str
    document: Document

    def where(self, fault: Fault) -> str:
        return f"{self.shown}, line {self.document.line_of(fault)}"


class _Read(NamedTuple):
    """A file as it was at one moment."""

    stamp: tuple[int, int]
    file: YamlFile


class YamlControlPlane(NullControlPlane):
    """The agents and tools of one folder, the same for each tenant. Calls are not recorded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._agents = _Files(folder, folder.name, "name: Support")
        self._tools = _Files(folder / "tools", f"{folder.name}/tools", "python: orders:find")

    def agent(self, agent_id: str, *, tenant: str) -> AgentConfig:
        read = self._agents.read(agent_id, self._paths())
        version = "{}-{}".format(*read.stamp)
        values = read.file.document.values
        return AgentConfig(id=agent_id, version=version, values=values, source=read.file)

    def agents(self, *, tenant: str, limit: int, cursor: str | None = None) -> AgentPage:
        ids = [path.stem for path in self._paths() if _is_id(path)]
        start = bisect_right(ids, cursor) if cursor else 0
        page = ids[start : start + limit]
        return AgentPage(ids=page, cursor=page[-1] if page and start + limit < len(ids) else None)

    def tool(self, tool_id: str, *, tenant: str) -> Mapping[str, Any]:
        try:
            paths = self._tools.paths()
        except (FileNotFoundError, NotADirectoryError):
            raise NotThere("there is no folder of tools") from None
        except OSError as fault:
            raise ConfigurationError(f"The folder {self._tools.name} cannot be read.") from fault
        values: Mapping[str, Any] = self._tools.read(tool_id, paths).file.document.values
        return values

    def check(self) -> None:
        """Whether all that looks like an agent can be one.

        A stray file beside an agent's is no reason to refuse that agent.

        Raises:
            ConfigurationError: a file has a name that nobody could ask for.
        """
        for stray in self.strays():
            raise stray

    def strays(self) -> Iterator[ConfigurationError]:
        """What is wrong with the name of each file that nobody could ask for."""
        for path in self._paths():
            if path.suffix != _SUFFIX:
                yield ConfigurationError(
                    f"{self._agents.shown(path)}: its name must end in {_SUFFIX}."
                )
                continue
            try:
                checked_id(path.stem)
            except ValueError as wrong:
                yield ConfigurationError(
                    f"{self._agents.shown(path)}: the name of the file is the agent's id, "
                    f"which {wrong}."
                )

    def _paths(self) -> Sequence[Path]:
        try:
            return self._agents.paths()
        except OSError as fault:
            raise ConfigurationError(
                f"The folder of agents, {self._folder}, cannot be read. "
                "Set ASSISTANT_LOCAL_CONFIG_DIR to the folder with the agents' YAML files."
            ) from fault


class _Files:
    """The YAML files of one folder. `example` is a field that one may have."""

    def __init__(self, folder: Path, shown: str, example: str) -> None:
        self._folder = folder
        self.name = shown
        self._example = example
        self._read: dict[str, _Read] = {}

    def paths(self) -> Sequence[Path]:
        """What looks like YAML, in the order of the names without their ending.

        Raises:
            OSError: the folder cannot be read.
        """
        files = [path for path in self._folder.iterdir() if path.is_file() and _is_yaml(path)]
        return sorted(files, key=lambda path: (path.stem, path.suffix))

    def read(self, name: str, paths: Sequence[Path]) -> _Read:
        """The file of that id among these.

        Raises:
            NotThere: it is not among them, or gone by now.
            AgentNotUsable: it is not valid.
        """
        # Only what the folder lists is ever opened, so no id can lead anywhere else, and on no
        # file system two ids to one file.
        found = [path for path in paths if path.stem == name and _is_id(path)]
        if not found:
            raise NotThere("there is no such file")
        path = found[0]
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            read = self._read.get(name)
            if read and read.stamp == stamp:
                return read
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise NotThere("the file is gone") from None
        except OSError as fault:
            raise AgentNotUsable(f"{self.shown(path)} cannot be read.") from fault
        self._read[name] = read = _Read(stamp, YamlFile(self.shown(path), self._parsed(path, data)))
        return read

    def _parsed(self, path: Path, data: bytes) -> Document:
        if len(data) > MAX_BYTES:
            raise AgentNotUsable(f"{self.shown(path)}: larger than {MAX_BYTES // 1024} KB.")
        try:
            document = Document(data.decode())
        except UnicodeDecodeError as fault:
            line = data.count(b"\n", 0, fault.start) + 1
            raise self._refused(path, line, "is not UTF-8") from None
        except BadYaml as fault:
            raise self._refused(path, fault.line, str(fault)) from None
        if not isinstance(document.values, dict):
            reason = f"the file must have fields, such as {self._example}"
            raise self._refused(path, 1, reason)
        return document

    def _refused(self, path: Path, line: int, reason: str) -> AgentNotUsable:
        return AgentNotUsable(f"{self.shown(path)}, line {line}: {reason.rstrip('.')}.")

    def shown(self, path: Path) -> str:
        return f"{self.name}/{path.name}"


def _is_yaml(path: Path) -> bool:
    return path.suffix in (_SUFFIX, ".yml") and not path.name.startswith(".")


def _is_id(path: Path) -> bool:
    try:
        checked_id(path.stem)
    except ValueError:
        return False
    return path.suffix == _SUFFIX
