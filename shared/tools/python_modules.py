"""The Python files beside the agents' configuration, loaded as modules of a private package.

`orders:find_order` is the function `find_order` of `orders.py`; `shop.orders:find` lies in
`shop/orders.py`. Each module is loaded under a name that nobody else has, so a file `json.py`
replaces nothing. Files import each other relatively: `from .prices import total`.
"""

import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

_Stamp = tuple[int, int]


class PythonModules:
    """The modules in a folder. Several threads may use it at once.

    Its Python files are only read. Python may keep their bytecode beside them in `__pycache__`;
    that of a file that has changed is removed. Where nothing can be written, nothing is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        digest = hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
        self._package = f"parley_agents_{digest}"
        self._lock = RLock()
        self._stamps: dict[Path, _Stamp | None] = {}
        self._version = 0

    def version(self) -> int:
        """Which reading of the files this is: another number when a loaded file has changed
        since, and then all are loaded anew when asked for. It costs a `stat` for each file."""
        with self._lock:
            changed = [path for path, stamp in self._stamps.items() if _stamp(path) != stamp]
            if changed:
                self._forget(changed)
            return self._version

    def function(self, reference: str) -> Callable[..., Any]:
        """What `module:function` names.

        Raises:
            ValueError: there is no such thing, or its module cannot be loaded; the reason, to go
                on where the name of the field ends. It is for operators: it quotes the errors of
                the author's code.
        """
        module, _, name = reference.partition(":")
        path = self._folder.joinpath(*module.split(".")).with_suffix(".py")
        shown = path.relative_to(self._folder).as_posix()
        with self._lock:
            loaded = self._load(module, path, shown)
        found: Callable[..., Any] | None = getattr(loaded, name, None)
        if found is None:
            raise ValueError(f'names the function "{name}", which {shown} does not have')
        return found

    def _load(self, module: str, path: Path, shown: str) -> ModuleType:
        if not path.is_file():
            raise ValueError(f"names the file {shown}, which is not beside the agents")
        if not path.resolve().is_relative_to(self._folder):
            raise ValueError(f"names the file {shown}, which leads out of the folder of agents")
        if path.with_suffix("").is_dir() and (path.with_suffix("") / "__init__.py").exists():
            raise ValueError(f"names {shown}, beside which is a package of that name; rename one")
        if self._package not in sys.modules:
            self._make_package()
        before = _stamp(path)
        try:
            return importlib.import_module(f"{self._package}.{module}")
        except (Exception, SystemExit) as fault:
            raise ValueError(f"cannot be loaded: {self._told(fault, shown)}") from fault
        finally:
            self._stamps[path] = before
            self._note_loaded()

    def _make_package(self) -> None:
        spec = importlib.machinery.ModuleSpec(self._package, None, is_package=True)
        spec.submodule_search_locations = [str(self._folder)]
        sys.modules[self._package] = importlib.util.module_from_spec(spec)
        # Whoever looked for a file before it was made would not find it yet.
        importlib.invalidate_caches()

    def _note_loaded(self) -> None:
        for module in self._modules().values():
            # A folder without __init__.py is a module without a file.
            if file := module.__file__:
                self._stamps.setdefault(Path(file), _stamp(Path(file)))

    def _modules(self) -> Mapping[str, ModuleType]:
        ours = f"{self._package}."
        return {name: module for name, module in list(sys.modules.items()) if name.startswith(ours)}

    def _forget(self, changed: list[Path]) -> None:
        for name in self._modules():
            del sys.modules[name]
        for path in changed:
            # Python takes a file for unchanged if its size and the second of its change are.
            with suppress(OSError):
                Path(importlib.util.cache_from_source(str(path))).unlink()
        self._stamps.clear()
        self._make_package()
        self._version += 1

    def _told(self, fault: BaseException, shown: str) -> str:
        """The error of the author's code, and where in it."""
        said = f"{type(fault).__name__}: {fault}".rstrip(": ").removesuffix(".")
        if isinstance(fault, SyntaxError):
            return f"{self._place(fault.filename) or shown}, line {fault.lineno}: {fault.msg}"
        for frame in reversed(traceback.extract_tb(fault.__traceback__)):
            if place := self._place(frame.filename):
                return f"{place}, line {frame.lineno}: {said}"
        return f"{shown}: {said}"

    def _place(self, filename: str | None) -> str | None:
        path = Path(filename or "")
        inside = path.is_relative_to(self._folder)
        return path.relative_to(self._folder).as_posix() if inside else None


def _stamp(path: Path) -> _Stamp | None:
    """None for a file that is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
