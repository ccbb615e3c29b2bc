"""Agents from YAML files: `<folder>/<agent id>.yaml`.

A file that is not valid is refused with its name, the line and the reason, and so is a file
whose name nobody could ask for. Files are read again when they change, and so are the Python
files of their tools.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shared.backends.agents import (
    Agent,
    AgentFault,
    EquippedAgent,
    no_such_agent,
    parse_agent,
)
from shared.backends.skills import SkillFault, Skills
from shared.backends.yaml_text import BadYaml, Document
from shared.errors import ConfigurationError
from shared.ids import agent_uuid
from shared.protocol.faults import Fault
from shared.protocol.names import checked_id
from shared.tools.toolbox import Toolbox, ToolRefused

if TYPE_CHECKING:
    from shared.tools.factory import Toolmaker

MAX_BYTES = 256 * 1024

_SUFFIX = ".yaml"


class _Read(NamedTuple):
    """A file as it was at one moment."""

    stamp: tuple[int, int]
    document: Document
    agent: Agent


class _Made(NamedTuple):
    """The tools of an agent, and which readings of its files they were made from."""

    source: _Read
    version: int
    toolbox: Toolbox


class LocalAgents:
    """The agents in a folder; those that name no model have `default_model`.

    With a `toolmaker` and `skills`, an agent is given out only if its tools and skills can be
    had. Without them neither is looked at, and no agent is given out equipped: for a process
    that runs no turns and shall not load the authors' code.
    """

    def __init__(
        self,
        folder: Path,
        default_model: str,
        *,
        toolmaker: "Toolmaker | None" = None,
        skills: Skills | None = None,
    ) -> None:
        self._folder = folder
        self._default_model = default_model
        self._toolmaker = toolmaker
        self._skills = skills
        self._read: dict[str, _Read] = {}
        self._made: dict[str, _Made] = {}

    def get(self, agent_id: str, tenant: str) -> Agent:
        return self._checked(self._known(agent_id))

    def list(self, tenant: str) -> list[Agent]:
        return [self._checked(agent_id) for agent_id in self._ids()]

    def equipped(self, agent_id: str, tenant: str) -> EquippedAgent:
        return self._equipped(self._load(self._known(agent_id)))

    def _known(self, agent_id: str) -> str:
        # Only what the folder lists is ever opened, so no id can lead anywhere else. A stray file
        # beside the agent's is no reason to refuse it; `list` is the one that complains.
        ids = [path.stem for path in self._files() if _is_id(path.stem)]
        if agent_id in ids:
            return agent_id
        for known in ids:
            if agent_uuid(known) == agent_id.lower():
                return known
        raise no_such_agent()

    def _checked(self, agent_id: str) -> Agent:
        source = self._load(agent_id)
        if self._toolmaker or self._skills:
            self._equipped(source)
        return source.agent

    def _equipped(self, source: _Read) -> EquippedAgent:
        agent = source.agent
        return EquippedAgent(
            agent=agent,
            toolbox=self._toolbox(source),
            skills={name: self._skill(source, n, name) for n, name in enumerate(agent.skills)},
        )

    def _toolbox(self, source: _Read) -> Toolbox:
        agent = source.agent
        if not agent.tools:
            return Toolbox()
        if self._toolmaker is None:
            raise ConfigurationError("The tools of agents cannot be loaded in this process.")
        version = self._toolmaker.version()
        made = self._made.get(agent.id)
        if made and made.source is source and made.version == version:
            return made.toolbox
        try:
            toolbox = self._toolmaker.toolbox(agent.tools)
        except ToolRefused as wrong:
            raise self._wrong(source, wrong.fault) from wrong
        self._made[agent.id] = _Made(source, version, toolbox)
        return toolbox

    def _skill(self, source: _Read, index: int, name: str) -> str:
        if self._skills is None:
            raise ConfigurationError("The skills of agents cannot be read in this process.")
        try:
            return self._skills.text(name)
        except SkillFault as wrong:
            raise self._wrong(source, Fault(("skills", index), str(wrong))) from wrong

    def _ids(self) -> Sequence[str]:
        return [self._id(path) for path in self._files()]

    def _files(self) -> Sequence[Path]:
        try:
            files = sorted(path for path in self._folder.iterdir() if path.is_file())
        except OSError as fault:
            raise ConfigurationError(
                f"The folder of agents, {self._folder}, cannot be read. "
                "Set ASSISTANT_LOCAL_CONFIG_DIR to the folder with the agents' YAML files."
            ) from fault
        return [path for path in files if _is_yaml(path)]

    def _id(self, path: Path) -> str:
        if path.suffix != _SUFFIX:
            raise ConfigurationError(f"{self._shown(path)}: its name must end in {_SUFFIX}.")
        try:
            return checked_id(path.stem)
        except ValueError as wrong:
            raise ConfigurationError(
                f"{self._shown(path)}: the name of the file is the agent's id, which {wrong}."
            ) from wrong

    def _load(self, agent_id: str) -> _Read:
        path = self._path(agent_id)
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            read = self._read.get(agent_id)
            if read and read.stamp == stamp:
                return read
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise no_such_agent() from None
        except OSError as fault:
            raise ConfigurationError(f"{self._shown(path)} cannot be read.") from fault
        document = self._parsed(path, data)
        try:
            agent = parse_agent(agent_id, document.values, default_model=self._default_model)
        except AgentFault as wrong:
            line = document.line_of(wrong.fault)
            raise self._refused(path, line, str(wrong)) from None
        self._read[agent_id] = read = _Read(stamp, document, agent)
        return read

    def _parsed(self, path: Path, data: bytes) -> Document:
        if len(data) > MAX_BYTES:
            raise ConfigurationError(f"{self._shown(path)}: larger than {MAX_BYTES // 1024} KB.")
        try:
            document = Document(data.decode())
        except UnicodeDecodeError as fault:
            line = data.count(b"\n", 0, fault.start) + 1
            raise self._refused(path, line, "is not UTF-8") from None
        except BadYaml as fault:
            raise self._refused(path, fault.line, str(fault)) from None
        if not isinstance(document.values, dict):
            raise self._refused(path, 1, "the file must have fields, such as name: Support")
        return document

    def _wrong(self, source: _Read, fault: Fault) -> ConfigurationError:
        line = source.document.line_of(fault)
        return self._refused(self._path(source.agent.id), line, str(fault))

    def _refused(self, path: Path, line: int, reason: str) -> ConfigurationError:
        return ConfigurationError(f"{self._shown(path)}, line {line}: {reason.rstrip('.')}.")

    def _path(self, agent_id: str) -> Path:
        return self._folder / f"{agent_id}{_SUFFIX}"

    def _shown(self, path: Path) -> str:
        """The file as people know it, without where on this machine it lies."""
        return f"{self._folder.name}/{path.name}"


def _is_yaml(path: Path) -> bool:
    return path.suffix in (_SUFFIX, ".yml") and not path.name.startswith(".")


def _is_id(text: str) -> bool:
    try:
        checked_id(text)
    except ValueError:
        return False
    return True
