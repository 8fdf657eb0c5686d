"""The policies in OPA itself, and both engines on every case."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.build import binary
from tests.e2e.webhook_process import wait_until
from tests.unit.policy.custom.files import GREEDY
from tests.unit.policy.rego import CASES, RULE, embedded
from tests.unit.policy.test_outside import SPELLINGS
from webhook.core.verdict import CannotJudge
from webhook.errors import PolicyError
from webhook.policy.embedded import Engine
from webhook.policy.server import Opa, OpaServer
from webhook.policy.source import built_in_folder, load
from webhook.policy.testing import LONGEST_STEP_SECONDS, run

pytestmark = pytest.mark.opa

POLICIES = built_in_folder()
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "policies"

# Every case of every rule, with what the rule finds on it. A module, since `opa eval` answers empty
# sets to the same as a query: its comprehensions do not see `with`.
ALL_CASES = """
package every

answers[suite][name] := {"input": case.input, "found": found} if {
    some family, suite
    some name, case in data.scaleguard.rules[family][suite].cases
    rule := trim_suffix(suite, "_test")
    found := data.scaleguard.rules[family][rule].findings with input as case.input
}
"""


def opa(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [binary("opa"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def program(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, "-m", "webhook", "policies", "test"]
    command += ["--engine", "opa", "--opa", binary("opa"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def leaves(results: dict[str, Any]) -> list[str]:
    """The names of the cases in one test's results, where `opa test` nests them."""
    found = []
    for name, one in results.items():
        nested = one.get("sub_results")
        found += [f"{name}: {leaf}" for leaf in leaves(nested)] if nested else [name]
    return found


def ordered(found: list[Any]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in found)


def test_the_policies_are_strict_rego() -> None:
    checked = opa("check", "--strict", POLICIES)
    assert checked.returncode == 0, checked.stderr


def test_rules_are_checked_against_the_form_of_what_they_read(tmp_path: Path) -> None:
    """As a user checks theirs: a field that no document has is a fault of the rule."""
    schema = tmp_path / "document.schema.json"
    command = [sys.executable, "-m", "webhook", "policies", "schema"]
    schema.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    for folder in (POLICIES, EXAMPLES):
        checked = opa("check", "--strict", "--schema", schema, folder)
        assert checked.returncode == 0, checked.stderr
    rule = tmp_path / "vpa.rego"
    rule.write_text(RULE, encoding="utf-8")
    assert opa("check", "--strict", "--schema", schema, rule).returncode == 0
    rule.write_text(RULE.replace("autoscaler.type", "autoscaler.tpye"), encoding="utf-8")
    misspelt = opa("check", "--strict", "--schema", schema, rule)
    assert misspelt.returncode == 1
    assert "vpa.rego:13: rego_type_error: undefined ref: input.autoscaler.tpye" in misspelt.stderr


def test_the_policies_are_formatted() -> None:
    formatted = opa("fmt", "--list", POLICIES, EXAMPLES)
    assert formatted.returncode == 0, formatted.stderr
    assert formatted.stdout == ""


def test_opa_judges_the_cases_that_the_embedded_engine_judges() -> None:
    tested = opa("test", "--format", "json", POLICIES)
    assert tested.returncode == 0, tested.stdout
    (test,) = json.loads(tested.stdout)
    embedded = [
        f"{Path(one.module.name).stem}: {one.name}" for one in run(load(tests=True)) if one.passed
    ]
    assert sorted(leaves(test["sub_results"])) == sorted(embedded)


def test_the_cases_take_every_line_of_every_rule() -> None:
    covered = json.loads(opa("test", "--coverage", "--format", "json", POLICIES).stdout)
    missing = {
        name: [part["start"]["row"] for part in file["not_covered"]]
        for name, file in covered["files"].items()
        if file.get("not_covered") and Path(name).name != "main.rego"  # what no rule's test asks
    }
    assert missing == {}


def test_both_engines_read_every_case_and_find_the_same(tmp_path: Path) -> None:
    (tmp_path / "every.rego").write_text(ALL_CASES, encoding="utf-8")
    folders = "--data", POLICIES, "--data", tmp_path
    answered = opa("eval", "--format", "json", *folders, "data.every.answers")
    (result,) = json.loads(answered.stdout)["result"]
    by_opa = result["expressions"][0]["value"]
    tests = [module for module in load(tests=True) if module.is_test]
    assert sorted(by_opa) == sorted(Path(module.name).stem for module in tests)
    for test in tests:
        package = test.package.replace(".", "/")
        cases, findings = f"{package}/cases", f"{package.removesuffix('_test')}/findings"
        engine = Engine([*load(), test], [cases, findings])
        embedded = engine.answer(cases, {})
        for name, judged in by_opa[Path(test.name).stem].items():
            where = f"{test.name}: {name}"
            case = embedded.pop(name)
            assert case["input"] == judged["input"], where
            found = engine.answer(findings, case["input"])
            assert ordered(found) == ordered(judged["found"]), where
        assert embedded == {}


def test_the_program_runs_opa_on_the_built_in_rules() -> None:
    ended = program()
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("PASS: ")


@pytest.mark.parametrize(("wanted", "status"), [('"warn"', 0), ('"deny"', 1)])
def test_the_program_runs_opa_on_the_rules_of_a_user(
    tmp_path: Path, wanted: str, status: int
) -> None:
    (tmp_path / "vpa.rego").write_text(RULE, encoding="utf-8")
    (tmp_path / "vpa_test.rego").write_text(CASES.replace('"warn"', wanted), encoding="utf-8")
    (tmp_path / "values.yaml").write_text("no: data", encoding="utf-8")
    ended = program("--policies", tmp_path, "-v")
    assert ended.returncode == status
    assert f"    a VPA: {'FAIL' if status else 'PASS'}\n    an HPA: PASS\n" in ended.stdout


def test_the_program_runs_opa_on_the_examples() -> None:
    ended = program("--policies", EXAMPLES)
    assert (ended.returncode, ended.stdout) == (0, "PASS: 13/13\n")


def test_the_program_tells_a_broken_rule_from_a_test_that_fails(tmp_path: Path) -> None:
    (tmp_path / "vpa.rego").write_text(f"{RULE}\nx := {{\n", encoding="utf-8")
    case = 'cases := {"scalers are no VPAs": {"input": {}, "findings": []}}'
    package = "package scaleguard.rules.team.vpa_test"
    (tmp_path / "vpa_test.rego").write_text(f"{package}\n\n{case}\n", encoding="utf-8")
    ended = program("--policies", tmp_path)
    assert ended.returncode == 2
    assert "vpa.rego" in ended.stdout + ended.stderr


@pytest.mark.parametrize("body", SPELLINGS)
def test_opa_takes_each_spelling_that_is_refused_for_a_call(body: str, tmp_path: Path) -> None:
    """Were one of them none, it would be no use to refuse it; `opa check` knows what is called."""
    rule = tmp_path / "rule.rego"
    rule.write_text(f"package a\n\n{body}\n", "utf-8")
    capabilities = json.loads(opa("capabilities", "--current").stdout)
    known = tmp_path / "capabilities.json"
    for without in (set(), {"http.send"}):
        kept = [one for one in capabilities["builtins"] if one["name"] not in without]
        known.write_text(json.dumps(capabilities | {"builtins": kept}), "utf-8")
        checked = opa("check", "--capabilities", known, rule)
        assert (checked.returncode == 0) == (not without), checked.stderr


@pytest.mark.parametrize("engine", ["embedded", "opa"])
def test_what_reaches_the_network_is_not_even_tried(engine: str, tmp_path: Path) -> None:
    text = RULE.replace("input.autoscaler.type", 'http["send"]({"url": "http://x"}).body')
    (tmp_path / "vpa.rego").write_text(text, "utf-8")
    (tmp_path / "vpa_test.rego").write_text(CASES, "utf-8")
    ended = program("--policies", tmp_path, "--engine", engine)
    assert ended.returncode == 2
    assert "vpa.rego: line 13: http[…] may be a function" in ended.stderr


def test_a_rule_that_loops_is_ended_in_its_trial(tmp_path: Path) -> None:
    condition = GREEDY.partition("\n\t")[2]
    text = RULE.replace('input.autoscaler.type == "vpa"', condition)
    (tmp_path / "vpa.rego").write_text(text, "utf-8")
    (tmp_path / "vpa_test.rego").write_text(CASES, "utf-8")
    begun = time.monotonic()
    ended = program("--policies", tmp_path)
    assert ended.returncode == 1
    assert "eval_cancel_error" in ended.stdout
    assert time.monotonic() - begun < LONGEST_STEP_SECONDS


def test_a_rule_that_loops_on_a_server_is_given_up_and_ends_there(
    opa_server: str, tmp_path: Path
) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    text = RULE.replace('input.autoscaler.type == "vpa"', GREEDY)
    (folder / "vpa.rego").write_text(text, "utf-8")
    asking = Opa(OpaServer(opa_server, timeout_seconds=1), load([folder]))
    harmless = {"object": {"name": "web", "text": "VPA"}, "autoscaler": {}, "overlaps": []}
    for _ in range(4):  # as many as would keep all processors busy
        with pytest.raises(CannotJudge, match="gave no answer"):
            asking(harmless | {"object": {"name": "greedy", "text": "VPA"}})
    wait_until(lambda: answers(asking, harmless), 10, "OPA goes on with what nobody waits for")


def answers(asking: Opa, document: dict[str, Any]) -> bool:
    """Whether a document is judged in time."""
    try:
        return asking(document) == []
    except CannotJudge:
        return False


def test_a_server_has_files_of_one_name_from_two_folders(opa_server: str, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
        text = RULE.replace("team.vpa", f"{folder.name}.vpa").replace(
            "custom/vpa", f"custom/{folder.name}.vpa"
        )
        (folder / "vpa.rego").write_text(text, encoding="utf-8")
    modules = load(folders)
    document = {
        "object": {"text": "VPA"},
        "autoscaler": {"type": "vpa", "unquoted": [], "ineffective": None},
        "overlaps": [],
    }
    by_opa = Opa(OpaServer(opa_server, timeout_seconds=3), modules)(document)
    assert {verdict.rule for verdict in by_opa} == {"custom/one.vpa", "custom/other.vpa"}
    assert embedded(modules)(document) == by_opa


def test_rules_on_a_server_are_replaced_and_put_back(opa_server: str, tmp_path: Path) -> None:
    """A renamed file says the same once more: OPA refuses a default that is there twice."""
    server = OpaServer(opa_server, timeout_seconds=3)
    document = {
        "object": {"text": "VPA"},
        "autoscaler": {"type": "vpa", "unquoted": [], "ineffective": None},
        "overlaps": [],
    }
    folder = tmp_path / "my rules"
    folder.mkdir()
    text = f"{RULE}\ndefault strange := false\n"
    (folder / "old.rego").write_text(text, encoding="utf-8")
    first = Opa(server, load([folder]))
    (folder / "old.rego").rename(folder / "new.rego")
    second = Opa(server, load([folder]))
    assert [verdict.rule for verdict in second(document)] == ["custom/vpa"]

    (folder / "new.rego").write_text(
        text.replace("custom/vpa", "custom/team.vpa"), encoding="utf-8"
    )
    (folder / "bad.rego").write_text("package bad\n\nx := y\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"/bad\.rego: OPA refuses it: .*unsafe"):
        Opa(server, load([folder]))
    with pytest.raises(CannotJudge, match="which no METADATA names"):
        second(document)
    second.put_rules()
    assert [verdict.rule for verdict in second(document)] == ["custom/vpa"]

    Opa(server, load())
    assert second(document) == []
    first.put_rules()
    assert [verdict.rule for verdict in first(document)] == ["custom/vpa"]
