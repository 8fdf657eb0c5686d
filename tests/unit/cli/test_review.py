"""`scaleguard review`: exit statuses, and what goes to stdout."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonpatch
import pytest

from tests.unit.cli.conftest import Run
from tests.unit.offline.manifests import DEPLOYMENT, GPU_POD, HPA, VPA, judged, stream
from tests.unit.policy.rego import RULE
from webhook.cli.reading import EMPTY_STDIN
from webhook.manifests import Document
from webhook.manifests.reading import read_text

IDLE_HPA = HPA.replace("maxReplicas: 10", "maxReplicas: 2")
CONFLICT = stream(HPA, VPA)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one clean, one warned, one denied and one broken file."""
    for name, text in {
        "clean.yaml": stream(DEPLOYMENT, HPA),
        "conflict.yaml": CONFLICT,
        "idle.yaml": stream(IDLE_HPA),
        "broken.yaml": f"{CONFLICT}---\na: [\n",
        "values.yaml": "replicas: 2\n",
        "template.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Values.name }}}\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def shown(out: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ("clean.yaml", 0),
        ("clean.yaml --fail-on warn", 0),
        ("idle.yaml", 0),
        ("idle.yaml --fail-on warn", 1),
        ("conflict.yaml", 1),
        ("conflict.yaml clean.yaml", 1),
        ("broken.yaml", 2),
        ("conflict.yaml broken.yaml", 2),
        ("missing.yaml", 2),
        ("conflict.yaml missing.yaml", 2),
        ("values.yaml", 0),
        ("template.yaml", 0),
        ("values.yaml template.yaml conflict.yaml", 1),
    ],
)
@pytest.mark.parametrize("output", ["-ojson", "-otext", "--mutate"])
def test_the_exit_status(run: Run, folder: Path, files: str, status: int, output: str) -> None:
    words = [word if "yaml" not in word else folder / word for word in files.split()]
    assert run("review", *words, output).status == status


def test_a_folder_is_one_world_sorted_by_path(run: Run, folder: Path) -> None:
    for name in ("broken.yaml", "conflict.yaml", "idle.yaml"):
        (folder / name).unlink()
    (folder / "a").mkdir()
    (folder / "a" / "vpa.yml").write_text(VPA, encoding="utf-8")
    ended = run("review", folder, "-o", "json")
    assert ended.status == 1
    files = [one["source"]["file"] for one in shown(ended.out)["results"]]
    assert files == [f"{folder}/a/vpa.yml", *[f"{folder}/clean.yaml"] * 2]


def test_an_empty_folder_is_nothing_to_say(run: Run, tmp_path: Path) -> None:
    ended = run("review", tmp_path)
    assert ended == (0, "0 objects: nothing to say\n", "")


def test_no_path_is_a_usage_error(run: Run) -> None:
    ended = run("review")
    assert ended.status == 2
    assert "Missing argument 'PATH… | -'" in ended.err
    assert ended.out == ""


def test_standard_input(run: Run) -> None:
    ended = run("review", "-", "-o", "json", stdin=CONFLICT)
    assert ended.status == 1
    assert [one["source"]["file"] for one in shown(ended.out)["results"]] == ["-", "-"]


@pytest.mark.parametrize("stdin", ["", "\n", "  \n\n"])
def test_nothing_on_standard_input_is_an_error(run: Run, stdin: str) -> None:
    ended = run("review", "-", "-o", "json", stdin=stdin)
    assert ended.status == 2
    (left_out,) = shown(ended.out)["skipped"]
    assert left_out == {
        "source": {"file": "-", "document": 1},
        "reason": EMPTY_STDIN,
        "unreadable": True,
    }
    assert "standard input is empty: the command before the pipe" in EMPTY_STDIN


def test_nothing_on_standard_input_does_not_hide_the_rest(run: Run, folder: Path) -> None:
    ended = run("review", folder / "conflict.yaml", "-")
    assert ended.status == 2
    assert "2 objects: 2 denied, 1 unreadable" in ended.out
    assert EMPTY_STDIN in ended.out


@pytest.mark.parametrize("text", ["# nothing yet\n", "---\n# nothing\n---\n", "---\n"])
def test_comments_alone_are_no_error(run: Run, tmp_path: Path, text: str) -> None:
    assert run("review", "-", stdin=text) == (0, "0 objects: nothing to say\n", "")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "b.yaml").touch()
    assert run("review", tmp_path) == (0, "0 objects: nothing to say\n", "")


# ---------------------------------------------------------------- json


def test_stdout_is_one_json_document_whatever_is_logged(run: Run, folder: Path) -> None:
    ended = run("review", folder, "-o", "json", "--log-level", "debug", "--log-format", "json")
    assert ended.status == 2
    document = shown(ended.out)  # json.loads refuses anything behind the document
    assert document["summary"]["objects"] == 7
    assert len(document["skipped"]) == 3


def test_json_is_utf_8_and_as_written(run: Run) -> None:
    ended = run("review", "-", "-o", "json", stdin="apiVersion: v1\nkind: X\nmetadata: {name: é✓}")
    assert '"name": "é✓"' in ended.out


def test_a_file_whose_name_is_no_text(run: Run, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.yaml"
    Path(os.fsdecode(odd)).write_text(HPA, encoding="utf-8")
    source = shown(run("review", tmp_path, "-o", "json").out)["results"][0]["source"]
    assert os.fsencode(source["file"]) == odd
    first = run("review", tmp_path, "-v").out.splitlines()[0]
    assert first == f"{tmp_path}/\N{REPLACEMENT CHARACTER}.yaml"


# ---------------------------------------------------------------- text


def test_both_sides_of_a_conflict_are_told_and_the_reason_once(run: Run) -> None:
    out = run("review", "-", stdin=CONFLICT).out
    assert out.count("deny hpa-vpa-same-metric") == 2
    assert out.count("scales Deployment web on cpu") == 1
    assert out.count("fix: set controlledResources: [memory]") == 1
    assert out.endswith("\n2 objects: 2 denied\n")


def test_a_pipe_gets_no_colour_and_whole_lines(run: Run) -> None:
    name = "n" * 240
    out = run(
        "review", "-", stdin=CONFLICT.replace("name: web}\nspec", f"name: {name}}}\nspec")
    ).out
    assert "\x1b" not in out
    (sentence,) = (line for line in out.splitlines() if "scales Deployment web" in line)
    assert sentence.strip().startswith(f"HorizontalPodAutoscaler default/{name} scales")
    assert sentence.endswith("sets the cpu request of every container")
    assert '      fix: set controlledResources: [memory] for container "*" in' in out


def test_objects_without_findings_and_what_was_skipped_are_told_when_wanted(run: Run) -> None:
    text = stream(DEPLOYMENT, "replicas: 2")
    quiet, verbose = run("review", "-", stdin=text).out, run("review", "-", "-v", stdin=text).out
    assert "Deployment" not in quiet
    assert "(-v lists them)" in quiet
    assert "✓ Deployment default/web  document 1" in verbose
    assert "skipped - document 2: not a Kubernetes object" in verbose


def test_what_cannot_be_read_is_told(run: Run, tmp_path: Path) -> None:
    out = run("review", tmp_path / "missing.yaml").out
    assert f"unreadable {tmp_path}/missing.yaml: No such file or directory" in out


def test_patches_are_shown_as_a_diff_when_wanted(run: Run) -> None:
    assert "+   tolerations:" not in run("review", "-", stdin=GPU_POD).out
    out = run("review", "-", "--show-patches", stdin=GPU_POD).out
    assert "      +  tolerations:\n      +  - key: nvidia.com/gpu\n" in out
    assert "      +        cpu: '4'" in out or '      +        cpu: "4"' in out


# ---------------------------------------------------------------- mutate


def test_the_mutated_stream_is_read_back_equal_and_has_the_patches(run: Run) -> None:
    before = judged(DEPLOYMENT, GPU_POD, HPA)
    ended = run("review", "-", "--mutate", stdin=stream(DEPLOYMENT, GPU_POD, HPA))
    assert ended == (0, ended.out, "")
    after = [entry.raw for entry in read_text(ended.out, "-") if isinstance(entry, Document)]
    assert after == [
        jsonpatch.apply_patch(result.raw, result.object_patch) for result in before.results
    ]
    assert after[1] != before.results[1].raw
    assert after[1]["spec"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


def test_a_mutated_stream_says_what_is_wrong_on_stderr(run: Run) -> None:
    ended = run("review", "-", "--mutate", stdin=stream(HPA, VPA, "replicas: 2", "a: ["))
    assert ended.status == 2
    assert "deny: - document 1: [hpa-vpa-same-metric] HorizontalPodAutoscaler" in ended.err
    assert "left out: - document 3: not a Kubernetes object" in ended.err
    assert "left out: - document 4: line" in ended.err
    assert len(list(read_text(ended.out, "-"))) == 2


# ---------------------------------------------------------------- the process


def test_a_pipe_whose_encoding_knows_few_characters(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CONFLICT, encoding="utf-8")
    command = [sys.executable, "-m", "webhook", "review", str(tmp_path)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ended.returncode == 1
    assert b"? HorizontalPodAutoscaler default/web" in ended.stdout
    json_ended = subprocess.run(
        [*command, "-o", "json"], env=environment, capture_output=True, check=False
    )
    assert json.loads(json_ended.stdout)["summary"]["denied"] == 2
    assert json_ended.stderr == b""


def test_the_rules_of_a_user_are_judged_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "team.rego").write_text(RULE, encoding="utf-8")
    ended = run("review", "-", "-o", "json", "--policies", tmp_path, stdin=VPA)
    (finding,) = shown(ended.out)["results"][0]["findings"]
    assert (finding["rule"], finding["action"]) == ("custom/vpa", "warn")


def test_a_rule_without_an_answer_ends_the_review(run: Run, tmp_path: Path) -> None:
    head = RULE.partition("findings")[0]
    (tmp_path / "vpa.rego").write_text(f"{head}findings contains unheard_of(1)\n", "utf-8")
    ended = run("review", "-", "--policies", tmp_path, stdin=VPA)
    assert ended.status == 2
    assert ended.out == ""
    failed = f"{tmp_path}/vpa.rego: the embedded engine failed: Function not found: unheard_of"
    assert ended.err == f"Error: the rules gave no answer: custom/team.vpa: {failed}\n"


def test_a_broken_rule_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.rego").write_text(f"{RULE}\nx := {{", encoding="utf-8")
    ended = run("review", "-", "--policies", tmp_path, "-o", "json", stdin=VPA)
    assert ended == (2, "", f"Error: {tmp_path}/bad.rego: line 22: this is unclosed\n")


@pytest.mark.parametrize(("mode", "status"), [("enforce", 1), ("warn", 0), ("audit", 0)])
def test_a_mode_that_holds_findings_back_is_told(
    run: Run, folder: Path, mode: str, status: int
) -> None:
    config = folder / "config"
    config.write_text(f"mode: {mode}", encoding="utf-8")
    asked = ("review", str(folder / "conflict.yaml"), "--config", str(config))
    ended, as_json = run(*asked), run(*asked, "-o", "json")
    assert (ended.status, as_json.status) == (status, status)
    held_back = mode != "enforce"
    said = "the configuration's mode holds findings back; enforce: 2 deny\n"
    assert (said in ended.err, said in as_json.err) == (held_back, held_back)
    assert ("  deny in mode enforce\n" in ended.out) is held_back
    assert ("2 held back by the mode" in ended.out) is held_back
    action = "deny" if mode == "enforce" else mode
    found = [one for result in shown(as_json.out)["results"] for one in result["findings"]]
    assert [(one["action"], one.get("would")) for one in found] == [
        (action, "deny" if held_back else None)
    ] * 2


@pytest.mark.parametrize(
    ("mode", "held_back"), [("enforce", False), ("warn", False), ("audit", True)]
)
def test_what_a_mode_keeps_from_pods_is_shown_as_such(
    run: Run, tmp_path: Path, mode: str, *, held_back: bool
) -> None:
    (tmp_path / "config").write_text(f"mode: {mode}", encoding="utf-8")
    asked = ("review", "-", "--config", str(tmp_path / "config"))
    ended, as_json = run(*asked, stdin=GPU_POD), shown(run(*asked, "-o", "json", stdin=GPU_POD).out)
    assert "+ tolerations: nvidia.com/gpu" in ended.out
    assert ("      only recorded in mode audit\n" in ended.out) is held_back
    assert ended.out.endswith("1 held back by the mode\n" if held_back else "1 fitted\n")
    (result,) = as_json["results"]
    assert (result.get("heldBack", False), as_json["summary"]["mutated"]) == (
        held_back,
        0 if held_back else 1,
    )
    assert result["patch"]


def test_a_mode_does_not_keep_fixes_from_being_written(run: Run, folder: Path) -> None:
    (folder / "config").write_text("mode: audit", encoding="utf-8")
    conflict = folder / "conflict.yaml"
    run("review", str(conflict), "--fix", "--config", str(folder / "config"))
    assert "controlledResources: [memory]" in conflict.read_text("utf-8")


def test_exemptions_are_told_with_who_exempts_and_from_what_there_is_not(
    run: Run, folder: Path
) -> None:
    text = CONFLICT.replace(
        "metadata: {name: web", "metadata: {annotations: {scaleguard.io/exempt: EXEMPT}, name: web"
    ).replace("EXEMPT", '"hpa-vpa-same-metric, duplicate-hpas"')
    assert text != CONFLICT
    (folder / "exempt.yaml").write_text(text, encoding="utf-8")
    ended = run("review", str(folder / "exempt.yaml"))
    assert ended.status == 0
    assert "exempted by HorizontalPodAutoscaler default/web" in ended.out
    note = "scaleguard.io/exempt: duplicate-hpas: no such rule, did you mean duplicate-hpa?"
    assert f"    ! {note}\n" in ended.out
    results = shown(run("review", str(folder / "exempt.yaml"), "-o", "json").out)["results"]
    assert results[0]["notes"] == [note]
