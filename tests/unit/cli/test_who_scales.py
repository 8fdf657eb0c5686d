"""`scaleguard who-scales`: tables, one workload, JSON, and what is no workload."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from tests.unit.cli.conftest import Run
from tests.unit.offline.manifests import DEPLOYMENT, HPA, VPA, stream
from webhook.cli import who_scales_text
from webhook.config import Config
from webhook.core.who_scales import who_scales
from webhook.core.world import World
from webhook.manifests import Document
from webhook.manifests.reading import read_text
from webhook.wiring import build_judge

LLAMA = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: llama, namespace: ml}
spec:
  replicas: 3
  template:
    spec:
      containers:
        - {name: vllm, image: vllm/vllm-openai, resources: {limits: {nvidia.com/gpu: 2}}}
"""


def test_a_line_for_each_workload_in_a_pipe(run: Run) -> None:
    ended = run("who-scales", "-f", "-", stdin=stream(DEPLOYMENT, HPA, VPA, LLAMA))
    assert (ended.status, ended.err) == (0, "")
    head, web, llama, *told = ended.out.splitlines()
    assert head.split("  ")[0] == "WORKLOAD"
    assert web.startswith("Deployment default/web ")
    assert llama.startswith("Deployment ml/llama ")
    assert "2 x nvidia.com/gpu (tolerates nvidia.com/gpu)" in llama
    assert "\x1b" not in ended.out
    assert told[0].startswith("  deny hpa-vpa-same-metric  HorizontalPodAutoscaler default/web")
    assert told[1].startswith("      fix: set controlledResources: [memory]")


def test_one_workload_in_full(run: Run) -> None:
    ended = run("who-scales", "deploy/llama", "-f", "-", stdin=stream(DEPLOYMENT, HPA, LLAMA))
    assert ended.out.splitlines() == [
        "Deployment ml/llama",
        "  replicas  3 now; -",
        "  cpu       -",
        "  memory    -",
        "  nodes     2 x nvidia.com/gpu (tolerates nvidia.com/gpu)",
    ]


LLAMA_HPA = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: llama, namespace: ml}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: llama}}
  maxReplicas: 9
  metrics: [{metric}]
"""

MODEL = """
apiVersion: ai.example.com/v1
kind: Model
metadata: {name: phi, namespace: ml}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - {name: vllm, image: vllm/vllm-openai, resources: {limits: {nvidia.com/gpu: 1}}}
"""


def test_kinds_of_the_configuration_are_told_of(run: Run, tmp_path: Path) -> None:
    kind = {"group": "ai.example.com", "kind": "Model", "plural": "inferers"}
    more = {"templates": ["spec.template"], "class": "inference", "scale": True}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"workloads": [kind | more]}), encoding="utf-8")
    for name in ("phi", "model/phi", "inferers.ai.example.com/phi"):
        words = ("who-scales", name, "-f", "-", "--config", str(config))
        ended = run(*words, stdin=stream(MODEL))
        assert ended.out.splitlines()[0] == "Model ml/phi"
        assert ended.out.splitlines()[-1].startswith("  nodes     1 x nvidia.com/gpu")
    assert run("who-scales", "phi", "-f", "-", stdin=stream(MODEL)).status == 2


def test_json(run: Run) -> None:
    ended = run("who-scales", "-f", "-", "-o", "json", stdin=stream(DEPLOYMENT, HPA, VPA))
    document = json.loads(ended.out)
    assert document["version"] == 1
    (web,) = document["workloads"]
    assert [one["rule"] for one in web["meet"]] == ["hpa-vpa-same-metric"]


def test_a_metric_is_told_by_its_name(run: Run) -> None:
    metric = "{type: External, external: {metric: {name: queue_depth}, target: {value: 5}}}"
    scaling = LLAMA_HPA.format(metric=metric)
    ended = run("who-scales", "llama", "-f", "-", stdin=stream(LLAMA, scaling))
    assert "  replicas  3 now; HPA llama: External queue_depth (1 to 9)" in ended.out.splitlines()
    ended = run("who-scales", "-f", "-", "-o", "json", stdin=stream(LLAMA, scaling))
    (llama,) = json.loads(ended.out)["workloads"]
    assert [by["on"] for by in llama["replicas"]["by"]] == [["External queue_depth"]]


def test_a_namespace_of_manifests(run: Run) -> None:
    ended = run("who-scales", "-n", "ml", "-f", "-", stdin=stream(DEPLOYMENT, HPA, LLAMA))
    assert "default/web" not in ended.out
    assert "ml/llama" in ended.out


def test_no_such_workload_and_nothing_at_all(run: Run) -> None:
    ended = run("who-scales", "lama", "-f", "-", stdin=LLAMA)
    hint = "lama: no such workload that anything acts on; there are deployment/llama"
    assert ended == (2, "", f"Error: {hint}\n")
    ended = run("who-scales", "statefulset/llama", "-f", "-", stdin=LLAMA)
    assert ended.status == 2
    ended = run("who-scales", "-f", "-", stdin="a: 1\n")
    assert (ended.status, ended.out) == (
        0,
        "nothing scales anything here, and no AI workload is there\n",
    )


def test_what_cannot_be_read_is_told_and_the_rest_is_shown(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{LLAMA}---\na: [\n", encoding="utf-8")
    ended = run("who-scales", "-f", str(tmp_path))
    assert ended.status == 2
    assert "Deployment ml/llama" in ended.out
    assert "unreadable" in ended.err


def test_all_namespaces_and_one_is_a_contradiction(run: Run) -> None:
    ended = run("who-scales", "-A", "-n", "ml", "-f", "-", stdin=LLAMA)
    assert ended.status == 2
    assert "-A means all namespaces: leave out -n" in ended.err


@pytest.mark.parametrize("columns", [60, 160])
def test_a_terminal_gets_colours_and_nothing_wider_than_it_is(columns: int) -> None:
    objects = [
        one.raw
        for one in read_text(stream(DEPLOYMENT, HPA, VPA, LLAMA), "-")
        if isinstance(one, Document)
    ]
    judge = build_judge(Config())
    told = who_scales(objects, judge, World.of(objects, judge.knowledge.kinds))
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=columns, color_system="standard")
    who_scales_text.show(told, console)
    assert "\x1b[1;31m" in out.getvalue()
    lines = [Text.from_ansi(line).plain for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= columns
    assert any(line.startswith("  deny hpa-vpa-same-metric") for line in lines)
