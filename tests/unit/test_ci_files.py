"""The hook for pre-commit and the action for GitHub: they call options that there are, and work."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tests.unit.offline.manifests import HPA, VPA, stream
from webhook.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
NOTHING = "\N{EN DASH}"


def review() -> click.Command:
    assert isinstance(cli, click.Group)
    command = cli.get_command(click.Context(cli, help_option_names=["-h", "--help"]), "review")
    assert command is not None
    return command


def parsed(words: list[str]) -> click.Context:
    """Arguments as the program reads them, `-h` included: a command remembers the first one's."""
    return review().make_context("review", words, help_option_names=["-h", "--help"])


def options() -> dict[str, click.Parameter]:
    return {name: option for option in review().params for name in option.opts}


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def test_the_hook_calls_a_command_that_there_is() -> None:
    (hook,) = read(".pre-commit-hooks.yaml")
    assert hook["id"] == "scaleguard-review"
    assert hook["language"] == "python"
    words = [*hook["entry"].split(), *hook["args"]]
    assert words[:2] == ["scaleguard", "review"]
    context = parsed(words[2:])
    assert context.params["paths"] == (".",)


@pytest.mark.parametrize(
    ("file", "runs"),
    [("a.yaml", True), ("x/a.yml", True), ("a.json", True), ("a.yaml.txt", False), ("a.py", False)],
)
def test_the_hook_runs_for_manifests(file: str, runs: bool) -> None:  # noqa: FBT001
    (hook,) = read(".pre-commit-hooks.yaml")
    assert bool(re.search(hook["files"], file)) is runs


def test_inputs_of_the_action_are_those_of_the_command() -> None:
    action = read("action.yml")
    assert set(action["inputs"]) == {"paths", "config", "fail-on", "format", "sarif-file"}
    assert all(one["description"] for one in action["inputs"].values())
    for name, option in (("fail-on", "--fail-on"), ("format", "--output")):
        kind = options()[option].type
        assert isinstance(kind, click.Choice)
        assert action["inputs"][name]["default"] in kind.choices
    install, reviewed = action["runs"]["steps"]
    for step in (install, reviewed):
        assert "${{" not in step["run"], "an input in a script can be a command of its own"
        for file in re.findall(r"\$GITHUB_ACTION_PATH/([\w./-]+)", step["run"]):
            assert (ROOT / file).exists()
    lines = [line for line in reviewed["run"].splitlines() if "review" in line]
    named = {name for line in lines for name in re.findall(r"[ (](--?[a-z-]+) ", line)} - {"--"}
    assert named == {"--fail-on", "-o", "--config", "-n"}
    assert named - {"-n"} <= set(options())  # that one is bash's
    variables = {name: re.search(r"inputs\.([\w-]+)", one) for name, one in reviewed["env"].items()}
    assert {found[1] for found in variables.values() if found} == set(action["inputs"])


def documented() -> dict[str, Any]:
    """The files that docs/ci.md shows, by their names."""
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    found = re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", page, re.DOTALL)
    return {name: yaml.safe_load(text) for name, text in found}


def test_the_documentation_uses_what_there_is() -> None:
    shown = documented()
    (used,) = shown[".pre-commit-config.yaml"]["repos"][0]["hooks"]
    (hook,) = read(".pre-commit-hooks.yaml")
    assert used["id"] == hook["id"]
    parsed(used["args"][:1])
    assert {word for word in used["args"] if word.startswith("-")} <= set(options())
    given = shown["workflow.yaml"]["jobs"]["review"]["steps"][1]["with"]
    inputs = read("action.yml")["inputs"]
    assert set(given) <= set(inputs)
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    table = dict(re.findall(rf"^\| `([a-z-]+)` \| (`.*?`|{NOTHING}) \|", page, re.MULTILINE))
    wanted = {
        name: f"`{one['default']}`" if one["default"] else NOTHING for name, one in inputs.items()
    }
    assert table == wanted
    (script,) = shown["gitlab.yaml"]["manifests"]["script"]
    words = script.partition(" >")[0].split()
    assert words[:2] == ["scaleguard", "review"]
    parsed(words[2:])


def test_every_form_of_output_is_documented() -> None:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    forms = options()["--output"].type
    assert isinstance(forms, click.Choice)
    section = page.partition("## Forms of output")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE) == list(forms.choices)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder of manifests whose names a shell would like to read twice."""
    (tmp_path / "my $(touch made) apps").mkdir()
    (tmp_path / "my $(touch made) apps" / "all.yaml").write_text(stream(HPA, VPA), "utf-8")
    (tmp_path / "clean.yaml").write_text(stream(HPA), "utf-8")
    (tmp_path / "warn.yaml").write_text("rules: {hpa-vpa-same-metric: warn}\n", "utf-8")
    return tmp_path


def run_action(repository: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the action's own step as the runner does, with the program of this environment."""
    action = read("action.yml")
    step = action["runs"]["steps"][1]
    given = {name: one["default"] for name, one in action["inputs"].items()} | inputs
    variables = {
        variable: given[text.removeprefix("${{ inputs.").removesuffix(" }}")]
        for variable, text in step["env"].items()
    }
    program = repository.parent / "temp" / "scaleguard" / "bin" / "scaleguard"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.unlink(missing_ok=True)
    program.symlink_to(Path(sys.executable).with_name("scaleguard"))
    environment = {
        **{name: value for name, value in os.environ.items() if "SCALEGUARD" not in name},
        **variables,
        "RUNNER_TEMP": str(repository.parent / "temp"),
        "GITHUB_STEP_SUMMARY": str(repository.parent / "summary.md"),
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_action_annotates_and_fails(repository: Path) -> None:
    folder = "my $(touch made) apps"
    ended = run_action(repository, **{"paths": f"{folder}\n\n", "sarif-file": "out.sarif"})
    assert ended.returncode == 1, ended.stderr
    assert [line.partition(",")[0] for line in ended.stdout.splitlines()] == [
        f"::error file={folder}/all.yaml"
    ] * 2
    log = json.loads((repository / "out.sarif").read_text("utf-8"))
    assert len(log["runs"][0]["results"]) == 2
    summary = (repository.parent / "summary.md").read_text("utf-8")
    assert summary.startswith("## scaleguard review\n")
    assert not (repository / "made").exists()


def test_the_action_passes_and_takes_a_configuration(repository: Path) -> None:
    ended = run_action(repository, paths="clean.yaml")
    assert (ended.returncode, ended.stdout) == (0, "")
    warned = {"config": "warn.yaml", "format": "text"}
    assert run_action(repository, **warned).returncode == 0
    assert run_action(repository, **warned, **{"fail-on": "warn"}).returncode == 1
    assert run_action(repository, config="missing.yaml").returncode == 2
