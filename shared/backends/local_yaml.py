"""Agents from YAML files: `<folder>/<agent id>.yaml`.

A file that is not valid is refused with its name, the line and the reason, and so is a file
whose name nobody could ask for. Files are read again when they change.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from shared.backends.agents import Agent, AgentFault, no_such_agent, parse_agent
from shared.backends.yaml_text import BadYaml, Document
from shared.errors import ConfigurationError
from shared.ids import agent_uuid

MAX_BYTES = 256 * 1024

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_SUFFIX = ".yaml"


class _Cached(NamedTuple):
    stamp: tuple[int, int]
    agent: Agent


class LocalAgents:
    """The agents in a folder; those that name no model have `default_model`."""

    def __init__(self, folder: Path, default_model: str) -> None:
        self._folder = folder
        self._default_model = default_model
        self._cache: dict[str, _Cached] = {}

    def get(self, agent_id: str) -> Agent:
        # Only what the folder lists is ever opened, so no id can lead anywhere else. A stray file
        # beside the agent's is no reason to refuse it; `list` is the one that complains.
        ids = [path.stem for path in self._files() if _ID.fullmatch(path.stem)]
        if agent_id in ids:
            return self._load(agent_id)
        for known in ids:
            if agent_uuid(known) == agent_id.lower():
                return self._load(known)
        raise no_such_agent()

    def list(self) -> list[Agent]:
        return [self._load(agent_id) for agent_id in self._ids()]

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
        if not _ID.fullmatch(path.stem):
            raise ConfigurationError(
                f"{self._shown(path)}: the name of the file is the agent's id. Use up to 128 "
                "letters, digits, and _ . - after the first."
            )
        return path.stem

    def _load(self, agent_id: str) -> Agent:
        path = self._folder / f"{agent_id}{_SUFFIX}"
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            cached = self._cache.get(agent_id)
            if cached and cached.stamp == stamp:
                return cached.agent
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise no_such_agent() from None
        except OSError as fault:
            raise ConfigurationError(f"{self._shown(path)} cannot be read.") from fault
        agent = self._parsed(path, agent_id, data)
        self._cache[agent_id] = _Cached(stamp, agent)
        return agent

    def _parsed(self, path: Path, agent_id: str, data: bytes) -> Agent:
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
        try:
            return parse_agent(agent_id, document.values, default_model=self._default_model)
        except AgentFault as wrong:
            line = document.line_of(wrong.fault)
            raise self._refused(path, line, str(wrong).removesuffix(".")) from None

    def _refused(self, path: Path, line: int, reason: str) -> ConfigurationError:
        return ConfigurationError(f"{self._shown(path)}, line {line}: {reason}.")

    def _shown(self, path: Path) -> str:
        """The file as people know it, without where on this machine it lies."""
        return f"{self._folder.name}/{path.name}"


def _is_yaml(path: Path) -> bool:
    return path.suffix in (_SUFFIX, ".yml") and not path.name.startswith(".")
