"""Stage the one artifact that all five functions run from.

    python -m scripts.build                    for Lambda: arm64, Python 3.13
    python -m scripts.build --arch x86_64      the same for Intel
    python -m scripts.build --host             for this interpreter and machine (the emulator)
    python -m scripts.build --into FOLDER      ... and copy it there (what `sam build` asks for)

The stage is made once for the same sources and pins; whoever needs it again copies it. Run it
with a Python that has pip (the Makefile does).
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.markers import for_target

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "lambda.txt"
PACKAGES = ("shared", "functions", "agents", "library")
WITH_CODE = ("shared", "functions", "agents")
MAX_UNZIPPED = 250 * 1024 * 1024
LAMBDA_PYTHON = "3.13"
# The runtime's system is Amazon Linux 2023 with glibc 2.34; pip wants each older tag by name.
GLIBC_TAGS = ("2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17", "2014", "2_12", "2010")
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


@dataclass(frozen=True)
class Target:
    """What the artifact is for: a Lambda architecture, or this host."""

    name: str
    pip: tuple[str, ...]
    requirements: str
    compiler: str | None

    @property
    def folder(self) -> Path:
        return ROOT / ".build" / self.name


def for_lambda(arch: str) -> Target:
    """The target of a deployment; wheels only, for it and not for this machine."""
    machine = MACHINES[arch]
    tags = [f"manylinux{'_' if '_' in tag else ''}{tag}_{machine}" for tag in GLIBC_TAGS]
    pip = ["--implementation", "cp", "--python-version", LAMBDA_PYTHON]
    pip += ["--abi", "cp" + LAMBDA_PYTHON.replace(".", ""), "--abi", "abi3", "--abi", "none"]
    pip += [word for tag in tags for word in ("--platform", tag)]
    pins = for_target(LOCK.read_text(), python=LAMBDA_PYTHON, machine=machine)
    return Target(arch, tuple(pip), pins, find_python(LAMBDA_PYTHON))


def for_host() -> Target:
    """The target of the emulator, which runs functions with the interpreter that runs it."""
    name = f"host-{sysconfig.get_platform()}-{sys.version_info.major}.{sys.version_info.minor}"
    return Target(name, (), LOCK.read_text(), sys.executable)


def find_python(version: str) -> str | None:
    """An interpreter of exactly that minor version that works, or None."""
    found = run(ROOT / "scripts" / "find-python", version, check=False)
    return found.stdout.strip() or None


def run(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program of this checkout or an interpreter; what it complains about is shown."""
    return subprocess.run(words, check=check, stdout=subprocess.PIPE, text=True)  # noqa: S603


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """`sam build --parallel` runs five of us at once: one stages, the others wait and copy."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sources() -> list[Path]:
    """The files of this deployment, without what tools leave behind and without secrets."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            parts = path.relative_to(ROOT).parts
            left = any(part.startswith(".") or part == "__pycache__" for part in parts)
            if path.is_file() and not left:
                found.append(path)
    return found


def key_of(*texts: str, files: list[Path] | None = None) -> str:
    """A digest of texts and of files with their names."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    for path in files or []:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def made(folder: Path, key: str) -> bool:
    """Whether `folder` is complete and was made from `key`."""
    stamp = folder.with_suffix(".key")
    return folder.is_dir() and stamp.is_file() and stamp.read_text() == key


def compile_all(folder: Path, compiler: str | None) -> None:
    """Bytecode halves a cold start. Unchecked: a zip's times would make it look stale."""
    if compiler is None or not folder.is_dir():
        return
    words = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    run(compiler, *words, "-s", folder, "-p", "/var/task", folder)


def make_deps(target: Target) -> tuple[Path, str]:
    """Install the pinned dependencies into a folder of their own; it changes only with the pins."""
    folder = target.folder / "deps"
    key = key_of(target.requirements, " ".join(target.pip), target.compiler or "")
    if made(folder, key):
        return folder, key
    shutil.rmtree(folder, ignore_errors=True)
    pins = target.folder / "requirements.txt"
    pins.write_text(target.requirements)
    # Twice quiet leaves the errors. A lock is complete, so nothing is to be resolved.
    words = ["-m", "pip", "install", "-qq", "--no-deps", "--require-hashes", "--no-compile"]
    words += ["--only-binary=:all:", "--target", str(folder), "-r", str(pins), *target.pip]
    run(sys.executable, *words)
    shutil.rmtree(folder / "bin", ignore_errors=True)
    compile_all(folder, target.compiler)
    folder.with_suffix(".key").write_text(key)
    return folder, key


def make_stage(target: Target) -> Path:
    """Dependencies, sources and their bytecode in one folder, as it will lie in /var/task."""
    folder = target.folder / "stage"
    deps, deps_key = make_deps(target)
    files = sources()
    key = key_of(deps_key, files=files)
    if made(folder, key):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".key").unlink(missing_ok=True)
    copy_tree(deps, folder)
    for path in files:
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    for package in WITH_CODE:
        compile_all(folder / package, target.compiler)
    folder.with_suffix(".key").write_text(key)
    report(target, folder)
    return folder


def copy_tree(source: Path, destination: Path) -> None:
    """Copy by hard links where the file system has them: an artifact is never changed in place."""

    def link(old: str, new: str) -> None:
        try:
            os.link(old, new)
        except OSError:
            shutil.copy2(old, new)

    shutil.copytree(source, destination, copy_function=link, dirs_exist_ok=True)


def make_zip(folder: Path, archive: Path) -> Path:
    """Zip a stage with fixed times and order, so that the same stage gives the same bytes."""
    fresh = archive.with_suffix(".part")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            out.writestr(entry, path.read_bytes())
    return fresh.replace(archive)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


def report(target: Target, folder: Path) -> None:
    """Say what was made; stop when Lambda would refuse it."""
    size = size_of(folder)
    say(f"{target.name}: {size / 1e6:.1f} MB unzipped in {folder.relative_to(ROOT)}")
    if target.compiler is None:
        say(f"{target.name}: no working Python {LAMBDA_PYTHON} here, so no bytecode: "
            "it runs, but cold starts take twice as long")  # fmt: skip
    if size > MAX_UNZIPPED:
        sys.exit(f"{target.name}: over {MAX_UNZIPPED // 1024**2} MB unzipped, Lambda's limit")


def main() -> None:
    parser = argparse.ArgumentParser(description="Stage the artifact of the functions.")
    parser.add_argument("--arch", choices=sorted(MACHINES), default="arm64")
    parser.add_argument("--host", action="store_true", help="for this interpreter and machine")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="copy the stage there")
    parser.add_argument("--zip", action="store_true", help="make a zip beside the stage")
    options = parser.parse_args()

    target = for_host() if options.host else for_lambda(options.arch)
    with alone(target.folder):
        stage = make_stage(target)
        if options.into:
            copy_tree(stage, options.into)
        if options.zip:
            archive = make_zip(stage, target.folder / "parley.zip")
            say(f"{target.name}: {archive.stat().st_size / 1e6:.1f} MB zipped")
            sys.stdout.write(f"{archive}\n")


if __name__ == "__main__":
    main()
