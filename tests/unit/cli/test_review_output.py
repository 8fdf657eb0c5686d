"""`review -o`: every form of output on stdout, and options that contradict each other."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.offline.manifests import HPA, VPA, stream

CONFLICT = stream(HPA, VPA)
BEGINS = {
    "sarif": "{",
    "junit": '<?xml version="1.0" encoding="utf-8"?>\n<testsuites ',
    "github": "::error file=all.yaml,line=9,title=hpa-vpa-same-metric%3A ",
    "markdown": "## scaleguard review\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the program runs in, with a conflict in it."""
    (tmp_path / "all.yaml").write_text(CONFLICT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("form", list(BEGINS))
def test_stdout_carries_one_report(run: Run, folder: Path, form: str) -> None:
    ended = run("review", folder, "-o", form)
    assert ended.status == 1
    assert ended.out.startswith(BEGINS[form])
    assert ended.err == ""
    assert str(folder) not in ended.out
    assert run("review", "all.yaml", "-o", form).out == ended.out
    if form == "sarif":
        json.loads(ended.out)
    if form == "junit":
        ET.fromstring(ended.out)  # noqa: S314 - our own


@pytest.mark.parametrize("form", list(BEGINS))
def test_nothing_wrong(run: Run, form: str) -> None:
    ended = run("review", "-", "-o", form, stdin=stream(HPA))
    assert ended.status == 0
    assert (ended.out == "") is (form == "github")


def test_what_fails_is_a_failed_test(run: Run) -> None:
    idle = HPA.replace("maxReplicas: 10", "maxReplicas: 2")
    assert "<failure" not in run("review", "-", "-o", "junit", stdin=idle).out
    ended = run("review", "-", "-o", "junit", "--fail-on", "warn", stdin=idle)
    assert ended.status == 1
    assert "<failure" in ended.out


def test_the_form_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEGUARD_OUTPUT", "github")
    assert run("review", "-", stdin=CONFLICT).out.startswith("::error title=")
    assert run("review", "-", "--mutate", stdin=CONFLICT).status == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--mutate -o json", "--mutate prints the objects themselves: leave out -o"),
        ("--mutate -o text", "--mutate prints the objects themselves: leave out -o"),
        ("--diff -o json", "--diff prints a diff: leave out -o"),
        ("--fix -o json", "--fix prints the fixed standard input: leave out -o"),
        ("--fix --mutate", "--mutate and --fix print different things: leave one out"),
        ("--fix --diff", "--fix and --diff print different things: leave one out"),
        ("--mutate --diff", "--mutate and --diff print different things: leave one out"),
    ],
)
def test_options_that_would_be_ignored(run: Run, options: str, says: str) -> None:
    ended = run("review", "-", *options.split(), stdin=CONFLICT)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.endswith(f"Error: {says}\n")
