"""Build the programs of the control plane from Go modules, once, into a cache outside the tree.

    python tests/controlplane/build.py all
    python tests/controlplane/build.py opa kube-apiserver
    python tests/controlplane/build.py --print-path kubectl

A program is taken from the folder KUBEBUILDER_ASSETS names if it is there (the convention of
envtest), else from the cache, else built. The cache is $SCALEGUARD_TEST_CACHE, else
$XDG_CACHE_HOME/scaleguard, else ~/.cache/scaleguard.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # Run by its path: the imports below start at the root of the tree.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.controlplane.catalogue import (
    MODULES,
    PROGRAMS,
    Program,
    linker_flags,
    module_version,
    select,
)
from tests.controlplane.progress import Progress
from tests.controlplane.toolchain import (
    ToolchainError,
    crds,
    find_go,
    go_environment,
    go_identity,
    module_dir,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ToolchainError", "binary", "cache_root", "crds", "existing", "module_dir"]

_BUILD_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly")


def cache_root() -> Path:
    """Return the folder that built programs are kept in; it need not exist."""
    own = os.environ.get("SCALEGUARD_TEST_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache").absolute() / "scaleguard"


def _source_key(group: str) -> str:
    """Hash everything of ours that decides what is built."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((MODULES / group / name).read_bytes())
    digest.update(" ".join((*_BUILD_FLAGS, linker_flags(group))).encode())
    return digest.hexdigest()[:16]


def _cache_folder(group: str) -> Path:
    return cache_root() / "bin" / f"{group}-{_source_key(group)}-{go_identity(group)}"


def existing(name: str) -> Path | None:
    """Return the program if it can be had without building it, else None."""
    program = PROGRAMS[name]
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and os.access(candidate := Path(assets).absolute() / name, os.X_OK):
        return candidate
    if find_go() is None:
        # A cache restored on a machine without Go still serves, whichever Go built it.
        folders = (cache_root() / "bin").glob(f"{program.group}-{_source_key(program.group)}-*")
        built = [path for folder in folders if os.access(path := folder / name, os.X_OK)]
        return max(built, key=lambda path: path.stat().st_mtime, default=None)
    candidate = _cache_folder(program.group) / name
    return candidate if os.access(candidate, os.X_OK) else None


def binary(name: str) -> Path:
    """Return the path of a program, building it first if nobody has.

    Raises KeyError for a name that is not in the catalogue and ToolchainError, with what to do
    about it, when it cannot be built.
    """
    found = existing(name)
    if found is not None:
        return found
    program = PROGRAMS[name]
    folder = _cache_folder(program.group)
    folder.mkdir(parents=True, exist_ok=True)
    with Progress(name) as progress, _locked(folder / f".{name}.lock", progress):
        # Another run may have built it while this one waited for the lock.
        if not os.access(folder / name, os.X_OK):
            _build(program, folder, progress)
    return folder / name


@contextlib.contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    # flock and not the file's existence: the kernel lets go of it when a run is killed.
    with path.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.show("waiting for another run that builds")
                time.sleep(0.5)
        yield


def _build(program: Program, folder: Path, progress: Progress) -> None:
    go = find_go() or "go"
    flags = linker_flags(program.group)
    # One name is enough under the lock, and what a killed run left behind is overwritten.
    temporary = folder / f".{program.name}.partial"
    command = [go, "build", *_BUILD_FLAGS, "-ldflags", flags, "-o", str(temporary), program.package]
    try:
        # A file and not a pipe: a full pipe would stop the build.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            process = subprocess.Popen(
                command,
                cwd=MODULES / program.group,
                env=go_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                while process.poll() is None:
                    progress.show("building")
                    time.sleep(0.2)
            finally:
                process.terminate()
                process.wait()
            output.seek(0)
            # Lines about downloads come first and would bury the error.
            lines = [line for line in output.read().splitlines() if ": downloading " not in line]
        if process.returncode != 0:
            tail = "\n".join(lines[-30:])
            raise ToolchainError(f"building {program.name} from {program.package} failed:\n{tail}")
        record = {
            "name": program.name,
            "package": program.package,
            "version": module_version(program.group),
            "toolchain": go_identity(program.group),
            "seconds": round(progress.elapsed(), 1),
            "bytes": temporary.stat().st_size,
            "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        (folder / f"{program.name}.json").write_text(json.dumps(record, indent=2) + "\n")
        temporary.rename(folder / program.name)
        progress.done("built")
    finally:
        temporary.unlink(missing_ok=True)


def _listing() -> str:
    lines = []
    for program in PROGRAMS.values():
        try:
            path = existing(program.name)
        except ToolchainError:
            path = None
        version = module_version(program.group)
        lines.append(f"{program.name:26}{program.group:12}{version:10}{path or 'not built'}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="build.py", description="Build the programs that the tests' control plane consists of."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a program, a group, or 'all'")
    parser.add_argument("--list", action="store_true", help="list programs, and which are built")
    parser.add_argument(
        "--print-path", metavar="NAME", choices=PROGRAMS, help="build if need be, print the path"
    )
    options = parser.parse_args(arguments)
    if not (options.names or options.list or options.print_path):
        parser.error("name a program, or 'all'; --list shows them")
    try:
        for program in select(options.names):
            sys.stdout.write(f"{program.name}: {binary(program.name)}\n")
        if options.print_path:
            sys.stdout.write(f"{binary(options.print_path)}\n")
        if options.list:
            sys.stdout.write(f"{_listing()}\n")
    except KeyError as error:
        parser.error(str(error.args[0]))
    except ToolchainError as error:
        sys.stderr.write(f"build.py: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
