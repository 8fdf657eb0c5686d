"""`scaleguard policies`: what rules there are, one in full, and their tests."""

import json
import shutil
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.policy.rego import CASES, RULE
from webhook.policy.catalogue import catalogue
from webhook.policy.document import schema
from webhook.policy.source import load

BUILT_IN = catalogue(load())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vpa.rego").write_text(RULE, encoding="utf-8")
    (tmp_path / "vpa_test.rego").write_text(CASES, encoding="utf-8")
    return tmp_path


@pytest.fixture
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "scaleguard.yaml"
    path.write_text("rules: {duplicate-hpa: audit}", encoding="utf-8")
    return path


# ---------------------------------------------------------------- list


def test_every_rule_is_listed_with_its_action(run: Run, folder: Path, config: Path) -> None:
    ended = run("policies", "list", "--policies", folder, "--config", config)
    assert ended.status == 0
    assert "\x1b" not in ended.out
    heading, *lines = (line.rstrip().split(maxsplit=2) for line in ended.out.splitlines())
    assert heading == ["RULE", "ACTION", "SAYS"]
    assert [line[0] for line in lines] == [*BUILT_IN, "custom/vpa"]
    by_rule = {line[0]: line[1:] for line in lines}
    assert by_rule["duplicate-hpa"][0] == "audit"
    assert by_rule["duplicate-hpa"][1].startswith("(default deny)")
    assert by_rule["hpa-vpa-same-metric"][0] == "deny"


def test_a_long_title_is_not_cut_in_a_pipe(run: Run, folder: Path) -> None:
    title = "a [b]c[/d] :smile: " * 30
    text = RULE.replace("title: A VPA of this team", f'title: "{title.strip()}"')
    (folder / "vpa.rego").write_text(text, encoding="utf-8")
    out = run("policies", "list", "--policies", folder).out
    assert out.splitlines()[-1].rstrip().endswith(title.strip())


def test_the_list_as_json(run: Run, folder: Path, config: Path) -> None:
    ended = run("policies", "list", "-o", "json", "--policies", folder, "--config", config)
    listed = json.loads(ended.out)
    assert [one["rule"] for one in listed] == [*BUILT_IN, "custom/vpa"]
    assert listed[1] == {
        "rule": "duplicate-hpa",
        "title": BUILT_IN["duplicate-hpa"].title,
        "description": BUILT_IN["duplicate-hpa"].description,
        "default": "deny",
        "action": "audit",
        "remedy": BUILT_IN["duplicate-hpa"].remedy,
        "links": [],
        "path": BUILT_IN["duplicate-hpa"].path,
    }
    assert listed[-1]["links"] == ["https://example.com/why"]


def test_a_rule_as_json_has_its_text(run: Run, folder: Path, config: Path) -> None:
    options = ("--policies", folder, "--config", config)
    listed = json.loads(run("policies", "list", "-o", "json", *options).out)
    ended = run("policies", "explain", "custom/vpa", "-o", "json", *options)
    assert json.loads(ended.out) == listed[-1] | {"rego": RULE}


@pytest.mark.parametrize(
    "command",
    [
        ("policies", "list"),
        ("policies", "explain", "duplicate-hpa"),
        ("policies", "test"),
        ("review", "examples/conflict.yaml"),
    ],
)
def test_files_without_a_rule_are_a_fault_in_every_command(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "a.rego").write_text("package foo\n\nx := 1\n", encoding="utf-8")
    ended = run(*command, "--policies", tmp_path)
    assert ended.status == 2
    assert ended.err == (
        f"Error: {tmp_path}/a.rego: package foo: a rule is found only in a package"
        " scaleguard.rules.<family>.<rule>\n"
    )


# ---------------------------------------------------------------- explain


@pytest.mark.parametrize("rule", BUILT_IN)
def test_a_rule_is_explained_in_full(run: Run, rule: str) -> None:
    ended = run("policies", "explain", rule)
    assert ended.status == 0
    assert ended.out.startswith(f"{rule}  {BUILT_IN[rule].default.value}\n")
    for part in (BUILT_IN[rule].title, BUILT_IN[rule].description, BUILT_IN[rule].remedy):
        assert part in ended.out
    assert "    package scaleguard.rules." in ended.out
    assert not any(line.endswith(" ") for line in ended.out.splitlines())


def test_a_terminal_gets_colours_and_wrapped_lines(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    out = run("policies", "explain", "duplicate-vpa").out
    assert "\x1b[1mduplicate-vpa  \x1b[0m" in out
    assert max(len(line) for line in out.splitlines() if "\x1b" not in line) <= 60


def test_a_rule_of_a_user_is_explained_with_its_links(run: Run, folder: Path, config: Path) -> None:
    out = run("policies", "explain", "custom/vpa", "--policies", folder, "--config", config).out
    assert "  https://example.com/why\n" in out
    assert f"  {folder}/vpa.rego\n" in out


def test_a_configured_action_is_told_beside_the_default(run: Run, config: Path) -> None:
    out = run("policies", "explain", "duplicate-hpa", "--config", config).out
    assert out.startswith("duplicate-hpa  audit (default deny)\n")


def test_an_unknown_rule_is_answered_with_those_there_are(run: Run) -> None:
    ended = run("policies", "explain", "duplicate-hpas")
    assert ended.status == 2
    assert ended.err == (f"Error: no rule 'duplicate-hpas'; there are: {', '.join(BUILT_IN)}\n")


# ---------------------------------------------------------------- what rules read


def test_the_form_of_the_document_is_printed(run: Run) -> None:
    ended = run("policies", "schema")
    assert ended.status == 0
    assert json.loads(ended.out) == schema()


def test_what_rules_read_of_manifests_is_printed(run: Run, tmp_path: Path, config: Path) -> None:
    hpa = {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 3}}
    head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    file = tmp_path / "hpa.json"
    file.write_text(json.dumps(head | {"metadata": {"name": "web"}} | hpa), encoding="utf-8")
    ended = run("policies", "input", file, "--config", config)
    assert ended.status == 0
    (document,) = json.loads(ended.out)
    assert document["object"]["text"] == "HorizontalPodAutoscaler default/web"
    assert document["autoscaler"]["maxReplicas"] == 3
    file.write_text("{", encoding="utf-8")
    broken = run("policies", "input", file)
    assert (broken.status, json.loads(broken.out)) == (2, [])
    assert broken.err.startswith(f"left out: {file} document 1: line 1: ")


# ---------------------------------------------------------------- test


def test_the_tests_of_the_built_in_rules_pass(run: Run) -> None:
    ended = run("policies", "test")
    assert ended.status == 0
    assert ended.out.endswith(" policy tests passed, 0 failed\n")


def test_the_tests_of_a_user_are_run_beside_them(run: Run, folder: Path) -> None:
    ended = run("policies", "test", "--policies", folder, "-v", "--all")
    assert ended.status == 0
    assert "✓ vpa_test.rego: a VPA\n" in ended.out
    assert "✓ autoscalers/duplicate_hpa/duplicate_hpa_test.rego: denies" in ended.out


def test_the_tests_of_the_examples_pass(run: Run) -> None:
    ended = run("policies", "test", "--policies", "examples/policies")
    assert ended.status == 0
    assert ended.out == "13 policy tests passed, 0 failed\n"


def test_those_of_a_user_are_run_alone_unless_all_are_wanted(run: Run, folder: Path) -> None:
    ended = run("policies", "test", "--policies", folder)
    assert (ended.status, ended.out) == (0, "2 policy tests passed, 0 failed\n")


def test_a_rule_of_a_user_without_a_test_is_told(run: Run, folder: Path) -> None:
    other = RULE.replace("team.vpa", "team.other").replace("custom/vpa", "custom/other")
    (folder / "other.rego").write_text(other, encoding="utf-8")
    says = "custom/other has no test: write other_test.rego beside it\n"
    ended = run("policies", "test", "--policies", folder)
    assert (ended.status, ended.out) == (0, f"2 policy tests passed, 0 failed\n{says}")
    (folder / "vpa_test.rego").unlink()
    (folder / "vpa.rego").unlink()
    ended = run("policies", "test", "--policies", folder)
    assert (ended.status, ended.err) == (2, f"Error: {says}")


def test_a_test_that_fails_is_told_with_what_was_found(run: Run, folder: Path) -> None:
    text = CASES.replace('"warn"', '"deny"')
    (folder / "vpa_test.rego").write_text(text, encoding="utf-8")
    ended = run("policies", "test", "--policies", folder)
    assert ended.status == 1
    first, second, third = ended.out.splitlines()
    assert first == "✗ vpa_test.rego: a VPA"
    assert second.startswith('    none of those found is {"action": "deny"')
    assert third.endswith(" passed, 1 failed")


def test_a_broken_test_is_a_fault_with_its_name(run: Run, folder: Path) -> None:
    (folder / "vpa_test.rego").write_text("package a_test\ncases := {", encoding="utf-8")
    ended = run("policies", "test", "--policies", folder)
    assert ended.status == 2
    assert f"Error: {folder}/vpa_test.rego: line 2: this is unclosed\n" in ended.err


def test_no_tests_at_all_are_a_fault(
    run: Run,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with a wheel, which holds the rules without their tests."""
    wheel = tmp_path_factory.mktemp("wheel")
    for module in load():
        (wheel / module.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(module.path, wheel / module.name)
    monkeypatch.setattr("webhook.policy.source._PLACES", (wheel,))
    ended = run("policies", "test")
    assert ended.status == 2
    assert "--policies names a folder of yours" in ended.err
    assert run("policies", "test", "--policies", folder).out == "2 policy tests passed, 0 failed\n"


def test_a_missing_opa_is_a_fault_that_says_where_to_get_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    ended = run("policies", "test", "--engine", "opa")
    assert ended.status == 2
    assert "there is no program 'opa': install OPA 1.2 or newer (https://" in ended.err
    assert "--opa PATH" in ended.err


@pytest.mark.parametrize(("opa", "status"), [(0, 0), (2, 1), (1, 2), (127, 2)])
def test_opa_gets_the_same_files_and_its_status_is_translated(
    run: Run, folder: Path, tmp_path_factory: pytest.TempPathFactory, opa: int, status: int
) -> None:
    place = tmp_path_factory.mktemp("opa")
    program = place / "opa"
    program.write_text(f'#!/bin/sh\necho "$@" > {place}/asked\nexit {opa}\n', encoding="utf-8")
    program.chmod(0o755)
    ended = run("policies", "test", "--engine", "opa", "--opa", program, "--policies", folder, "-v")
    assert ended.status == status
    test, verbose, *files = (place / "asked").read_text(encoding="utf-8").split()
    assert (test, verbose) == ("test", "--verbose")
    wanted = {
        str(module.path)
        for module in load([folder], tests=True)
        if not (module.built_in and module.is_test)
    }
    assert {file for file in files if not file.endswith("lib/testing.rego")} == wanted
    assert len(files) == len(wanted) + 1


def test_a_reference_that_no_document_has_is_a_fault_of_a_test(run: Run, folder: Path) -> None:
    text = RULE.replace("autoscaler.type", "autoscaler.tpye")
    (folder / "vpa.rego").write_text(text, encoding="utf-8")
    says = f"{folder}/vpa.rego: line 13: input.autoscaler has no tpye; did you mean type?\n"
    for engine in ("embedded", "opa"):
        ended = run("policies", "test", "--policies", folder, "--engine", engine, "--opa", "true")
        assert (ended.status, ended.err) == (2, f"Error: {says}")
    ended = run("review", "examples/conflict.yaml", "--policies", folder)
    assert ended.status == 1
    assert f"WARNING scaleguard.custom: {says}" in ended.err
