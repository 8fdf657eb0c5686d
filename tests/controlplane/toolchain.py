"""The Go toolchain: is it here, is it new enough, and where does it keep a module."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.controlplane.catalogue import CRD_PATTERNS, GROUP_MODULES, MODULES


class ToolchainError(RuntimeError):
    """Go is missing, too old, or failed; the message says what to do."""


def go_environment() -> dict[str, str]:
    """Return the environment for go commands."""
    # GOWORK: a go.work further up must not change what is built here.
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}


def find_go() -> str | None:
    """Return the path of ``go``, or None where it is not installed."""
    return shutil.which("go")


def _wanted(group: str) -> str:
    text = (MODULES / group / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"^go (\S+)", text, re.MULTILINE)
    return found.group(1) if found else "1"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def run_go(group: str, *args: str) -> str:
    """Run ``go ARGS`` in the group's folder and return what it printed."""
    go = find_go()
    if go is None:
        raise ToolchainError(
            f"go is not on PATH. Install Go {_wanted(group)} or later, or "
            "point KUBEBUILDER_ASSETS to a folder that already holds the programs."
        )
    done = subprocess.run(
        [go, *args],
        cwd=MODULES / group,
        env=go_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        # `go mod download -json` reports its error on standard output.
        detail = (done.stderr.strip() + "\n" + done.stdout.strip()).strip()
        raise ToolchainError(f"go {' '.join(args)} failed in modules/{group}:\n{detail}")
    return done.stdout


@functools.cache
def go_identity(group: str) -> str:
    """Return version and platform (``go1.26.8-linux-amd64``); refuse a Go that is too old."""
    answer = json.loads(run_go(group, "env", "-json", "GOVERSION", "GOOS", "GOARCH"))
    wanted = _wanted(group)
    if _numbers(answer["GOVERSION"]) < _numbers(wanted):
        raise ToolchainError(
            f"{answer['GOVERSION']} is too old: modules/{group} needs Go {wanted} or later. "
            "Install a newer one, or set GOTOOLCHAIN=auto so that Go fetches it itself."
        )
    return f"{answer['GOVERSION']}-{answer['GOOS']}-{answer['GOARCH']}"


@functools.cache
def module_dir(group: str) -> Path:
    """Return the folder of the group's module in the Go module cache, downloading it if need be."""
    go_identity(group)
    answer = json.loads(run_go(group, "mod", "download", "-json", GROUP_MODULES[group]))
    return Path(answer["Dir"])


def crds(name: str) -> list[Path]:
    """Return the CustomResourceDefinition files of a group in the Go module cache."""
    files: list[Path] = []
    for pattern in CRD_PATTERNS[name]:
        found = sorted(module_dir(name).glob(pattern))
        if not found:
            raise ToolchainError(f"the module of {name} has no {pattern}")
        files += found
    return files
