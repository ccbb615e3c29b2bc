"""The agents of a folder, as the wiring makes them."""

from pathlib import Path

from shared.backends.configured import ConfiguredAgents
from shared.backends.skills import Skills
from shared.backends.yaml_control_plane import YamlControlPlane
from shared.tools.arguments import Check
from shared.tools.factory import Toolmaker
from shared.tools.port import Tool
from shared.tools.python_modules import PythonModules
from shared.tools.specs import ToolSpec


def unwanted(spec: ToolSpec, check: Check) -> Tool:
    raise ValueError("must not be used here")


def local_agents(folder: Path, model: str, *, library: Path | None = None) -> ConfiguredAgents:
    """With a `library` they are equipped: their Python tools are loaded from the folder."""
    plane = YamlControlPlane(folder)
    if library is None:
        return ConfiguredAgents(plane, model, check_all=plane.check)
    maker = Toolmaker(PythonModules(folder), http=unwanted, lambda_=unwanted)
    return ConfiguredAgents(
        plane, model, toolmaker=maker, skills=Skills(library), check_all=plane.check
    )
