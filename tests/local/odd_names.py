"""Names that lead out of a folder, or would if something took them for more than a name."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUTSIDE = "outside-canary"
"""The name, without its ending, of every file that nobody may reach; it stands in them too."""

AGENT = "name: Support\ninstructions: Help.\n"

ODD_IDS = (
    *(f"../{OUTSIDE}", f"..\\{OUTSIDE}", f"agents/../../{OUTSIDE}", f"support/../../{OUTSIDE}"),
    *(
        f"./../{OUTSIDE}",
        f"....//{OUTSIDE}",
        f"../{OUTSIDE}.yaml",
        f"../{OUTSIDE}\x00",
        "support\x00",
    ),
    *(f"%2e%2e%2f{OUTSIDE}", f"..%2f{OUTSIDE}", f"%252e%252e%252f{OUTSIDE}", f"..%c0%af{OUTSIDE}"),
    *(f"\uff0e\uff0e\uff0f{OUTSIDE}", f"..\u2215{OUTSIDE}", f"\u2025/{OUTSIDE}", "support\u200b"),
    *("..", ".", "/", "\\", "\x00", "/etc/passwd", "file:///etc/passwd", "C:\\x", "C:support"),
    *(
        "\\\\host\\share",
        "~",
        "~root",
        "con",
        "NUL",
        "com1.yaml",
        "support.",
        "support ",
        " support",
    ),
    *("support.yaml", "./support", "support/", "support\n", ".hidden", "-support", "*", "s?pport"),
    *("SUPPORT", "\uff53upport", "x" * 128, "../" * 42, "#", "TURN#x"),
)
"""None is the id of an agent, of 128 characters at most."""


class Opened:
    """The files that this process opens or lists while it is watched."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._watching = False
        # It stays for as long as the process does.
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._watching and event in ("open", "os.listdir", "os.scandir") and arguments:
            self.paths.append(str(arguments[0]))

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        self.paths = []
        self._watching = True
        try:
            yield self.paths
        finally:
            self._watching = False


def grounds(folder: Path) -> dict[str, str]:
    """Files around a folder of agents and a library, as settings name these."""
    agents, library = folder / "agents", folder / "library" / "skills"
    agents.mkdir(parents=True)
    library.mkdir(parents=True)
    (agents / "support.yaml").write_text(AGENT + "skills: [tone]\n")
    (library / "tone.md").write_text("Be kind.")
    for place in (folder, folder / "library", agents):
        where = place if place != agents else agents / "below"
        where.mkdir(exist_ok=True)
        (where / f"{OUTSIDE}.yaml").write_text(AGENT + f"greeting: {OUTSIDE}\n")
        (where / f"{OUTSIDE}.md").write_text(OUTSIDE)
        (where / f"{OUTSIDE}.py").write_text(f'def f() -> str:\n    return "{OUTSIDE}"\n')
    (agents / "link.py").symlink_to(folder / f"{OUTSIDE}.py")
    # Beside the agents, under names that no id can be.
    for name in (".hidden", "con", "NUL", "support.", "-support", "com1.yaml"):
        (agents / f"{name}.yaml").write_text(AGENT + f"greeting: {OUTSIDE}\n")
    return {"ASSISTANT_LOCAL_CONFIG_DIR": str(agents), "LIBRARY_DIR": str(folder / "library")}


def files(folder: Path) -> set[str]:
    """What lies there, but for where the deployment keeps its state."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return {path for path in found if not path.startswith("workspace")}
