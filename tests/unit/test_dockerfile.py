"""The Dockerfile keeps to docs/decisions/0013-image.md, and each rule notices when it does not."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.dockerfile import ROOT, Ignored, Project, Stage, stages, values

PROJECT = Project()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def faults(text: str) -> Iterator[str]:
    """What a Dockerfile does that ours must not."""
    before, found = stages(text)
    *_, last = found
    if re.search(r"\w+://|\w+\.(io|com|org)/", text):
        yield "a host is named"
    yield from bases(before, found)
    for stage in found:
        yield from steps(stage)
    if any(one.word in {"RUN", "SHELL", "CMD"} for one in last):
        yield "the last stage needs a shell"
    users = [one.text for one in last if one.word == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        yield "who runs it is no number, or root"
    (entry,) = (one.text for one in last if one.word == "ENTRYPOINT")
    if not entry.startswith("["):
        yield "a shell starts the program"


def bases(before: Stage, found: list[Stage]) -> Iterator[str]:
    defaults = values(before, "ARG")
    used = [re.sub(r"\$\{(\w+)\}", lambda one: defaults[one[1]], one[0].words[0]) for one in found]
    pythons = set()
    for base in used:
        tag = re.fullmatch(r"python:(\d+\.\d+)(-\w+)+", base)
        if tag is None:
            yield f"{base}: no Python of one minor version"
        else:
            pythons.add(tag[1])
    if len(pythons) > 1:
        yield "what is built for one Python runs in another"


def steps(stage: Stage) -> Iterator[str]:
    for one in stage:
        if one.word == "ADD":
            yield "ADD fetches and unpacks"
        if one.word == "COPY" and "from" not in one.flags:
            for source in one.words[:-1]:
                if not PROJECT.copied(source):
                    yield f"COPY {source}: not there, or ignored"
        if one.word == "RUN":
            yield from pip_calls(one.text)


def pip_calls(command: str) -> Iterator[str]:
    for call in command.split("&&"):
        if re.search(r"\bpip\b.* (install|wheel)\b", call):
            if "--no-deps" not in call:
                yield "pip decides what is installed"
            if "--no-index" not in call:
                if "--require-hashes" not in call:
                    yield "pip takes what no hash holds"
                if "--only-binary :all:" not in call:
                    yield "pip builds with what no hash holds"


def test_it_keeps_the_rules() -> None:
    assert list(faults(PROJECT.dockerfile)) == []


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("COPY certs certs", "ADD certs certs", "ADD fetches and unpacks"),
        ("COPY certs certs", "COPY docs docs", "COPY docs: not there, or ignored"),
        ("COPY certs certs", "COPY certz certs", "COPY certz: not there, or ignored"),
        ("=python:3.13-trixie", "=python:latest", "python:latest: no Python of one minor version"),
        ("=python:3.13-trixie", "=python", "python: no Python of one minor version"),
        ("=python:3.13-trixie", "=python:3.14-trixie", "what is built for one Python runs in an"),
        ("=python:3.13-trixie", "=mirror.example.com/python:3.13", "a host is named"),
        ("USER 65532:65532", "USER scaleguard", "who runs it is no number, or root"),
        ("USER 65532:65532", "USER 0:0", "who runs it is no number, or root"),
        ("USER 65532:65532\n", "", "who runs it is no number, or root"),
        ("WORKDIR /work", "RUN useradd scaleguard", "the last stage needs a shell"),
        ('["scaleguard"]', "scaleguard", "a shell starts the program"),
        (" --require-hashes", "", "pip takes what no hash holds"),
        (" --only-binary :all:", "", "pip builds with what no hash holds"),
        (" --no-deps", "", "pip decides what is installed"),
        ("--no-index --wheel-dir", "--wheel-dir", "pip takes what no hash holds"),
    ],
)
def test_a_rule_notices(was: str, becomes: str, fault: str) -> None:
    assert was in PROJECT.dockerfile
    found = list(faults(PROJECT.dockerfile.replace(was, becomes)))
    assert any(one.startswith(fault) for one in found), found


def test_hadolint_has_nothing_to_say() -> None:
    program = Path(sys.executable).with_name("hadolint")
    listed = [str(program), str(ROOT / "Dockerfile")]
    ended = subprocess.run(listed, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_nothing_is_sent_to_the_builder_but_what_is_copied() -> None:
    copies = [one for stage in stages(PROJECT.dockerfile)[1] for one in stage if one.word == "COPY"]
    sources = [word for one in copies if "from" not in one.flags for word in one.words[:-1]]
    copied = [file for source in sources for file in PROJECT.copied(source)]
    assert sorted(copied) == PROJECT.context


def test_labels_are_those_of_the_project() -> None:
    last = stages(PROJECT.dockerfile)[1][-1]
    said = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in values(last, "LABEL").items()
    }
    assert said == {
        "title": PYPROJECT["name"],
        "description": PYPROJECT["description"],
        "version": PYPROJECT["version"],
        "revision": "",
        "licenses": PYPROJECT["license"],
    }
    chart = yaml.safe_load((ROOT / "charts" / "scaleguard" / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == PYPROJECT["version"]


def test_it_starts_the_program_that_the_chart_starts() -> None:
    (entry,) = (one for one in stages(PROJECT.dockerfile)[1][-1] if one.word == "ENTRYPOINT")
    assert json.loads(entry.text) == ["scaleguard"]
    assert "scaleguard" in PYPROJECT["scripts"]
    for template in (ROOT / "charts" / "scaleguard" / "templates").glob("deployment*.yaml"):
        commands = re.findall(r"command: \[(\w+), ", template.read_text("utf-8"))
        assert set(commands) == {"scaleguard"}, template


def test_locks_name_no_host() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"://|index-url|find-links", lock.read_text("utf-8")), lock


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("webhook/cli/main.py", False),
        ("webhook/cli/__pycache__/main.cpython-311.pyc", True),
        ("webhook/main.pyc", True),
        ("webhook/.hidden/key", True),
        ("policies/gpu/rule/rule_test.rego", True),
        ("policies/gpu/rule/rule.rego", False),
        ("requirements/runtime.txt", False),
        ("requirements/dev.txt", True),
        ("webhooks", True),
        ("tests/dockerfile.py", True),
        ("kubeconfig", True),
        (".git/config", True),
    ],
)
def test_what_is_ignored(path: str, ignored: bool) -> None:  # noqa: FBT001
    assert (path in Ignored((ROOT / ".dockerignore").read_text("utf-8"))) is ignored
