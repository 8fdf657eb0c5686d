"""`scaleguard explain` of manifests: what is told, exit statuses, faults."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.cli.conftest import Run
from tests.unit.offline.manifests import DEPLOYMENT, GPU_POD, HPA, stream
from webhook import config as configuration
from webhook.cli import explain as explain_module
from webhook.cli.explain_text import show
from webhook.core.explain import explain
from webhook.core.verdict import CannotJudge
from webhook.core.world import World
from webhook.manifests import Document
from webhook.manifests.reading import read_text
from webhook.wiring import build_judge

LLM = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm, namespace: ml}
spec:
  template:
    spec:
      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.9
          resources: {limits: {nvidia.com/gpu: 2}, requests: {memory: 64Gi}}
        - name: proxy
          image: envoy
          resources: {limits: {nvidia.com/gpus: 1, memory: 1Gi}}
"""
WORLD = """
apiVersion: v1
kind: Namespace
metadata: {name: ml, annotations: {scaleguard.io/profile: big-gpu}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: l, namespace: ml}
spec: {limits: [{type: Pod, max: {memory: 1Ti}}]}
---
apiVersion: v1
kind: Node
metadata: {name: g5.xlarge}
status: {allocatable: {cpu: 3920m, memory: 512Gi, pods: "9", nvidia.com/gpu: "1"}}
"""
CONFIG = """
profiles:
  - name: big-gpu
    requests: {device: {cpu: 6, memory: 20Gi}}
    sharedMemory: 8Gi
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "scaleguard.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def lines(text: str) -> list[str]:
    """Lines with columns one space apart."""
    return [re.sub(r"(?<=\S) {2,}", " | ", line.strip()) for line in text.splitlines()]


def test_a_pod_template_in_its_world(run: Run, config: Path) -> None:
    ended = run("explain", "-", "--config", config, stdin=stream(LLM, WORLD))
    assert (ended.status, ended.err) == (0, "")
    told = lines(ended.out)
    assert told[:-2] == [
        "Deployment ml/llm | spec.template",
        "AI pod: inference (image vllm/vllm-openai:v0.9, a guess)",
        "accelerators: nvidia.com/gpu 2 (container vllm; NVIDIA devices)",
        "profile: big-gpu (its namespace's annotation scaleguard.io/profile)",
        "what is injected",
        (
            "containers[vllm] requests.cpu | 7790m | profile big-gpu, requests.device, for each of "
            "2 devices, cut to what node g5.xlarge gives"
        ),
        (
            "containers[proxy] requests.cpu | 50m | default of scaleguard, for a container without "
            "devices"
        ),
        "volume | scaleguard-shm, in memory up to 8Gi | sharedMemory of profile big-gpu",
        "containers[vllm] mount | scaleguard-shm at /dev/shm | sharedMemory of profile big-gpu",
        "label scaleguard.io/workload-class | inference | image vllm/vllm-openai:v0.9",
        "annotation scaleguard.io/mutations | the list of all this | what was injected, for people",
        "left alone",
        "containers[vllm] requests.memory | set to 64Gi",
        "containers[proxy] requests.memory | the limit of 1Gi counts as a request",
        (
            "toleration nvidia.com/gpu Exists NoSchedule | covered by {key: nvidia.com/gpu, "
            "operator: Exists} that the pod has"
        ),
        "notes",
        "nvidia.com/gpus | did you mean nvidia.com/gpu?",
        "findings",
    ]
    start = "warn gpu-unschedulable: the pods of Deployment ml/llm can run on no known node: "
    assert told[-2].startswith(f"{start}asks for 2 nvidia.com/gpu")
    assert "; fix: ask for " in told[-2]
    assert told[-1] == (
        f"{start}nothing is known to give nvidia.com/gpus; "
        "fix: write nvidia.com/gpu, if that is meant"
    )


def test_a_pod_that_is_none(run: Run) -> None:
    ended = run("explain", "-", stdin=stream(DEPLOYMENT, HPA))
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == (
        "Deployment default/web  spec.template\n"
        "  no AI pod: it gets nothing\n"
        "  why not\n"
        "      class         no annotation or label scaleguard.io/class\n"
        "      accelerators  no container asks for one\n"
        "      owner         Deployment: its pods may be for anything\n"
        "      labels        none of an AI framework\n"
        "      image         none names AI software; detection.byImage is off anyway\n"
    )


def test_several_pods_and_what_is_left_alone_altogether(run: Run) -> None:
    class_alone = """
apiVersion: v1
kind: Pod
metadata: {name: head, labels: {scaleguard.io/class: batch}}
spec: {containers: [{name: a}]}
"""
    ignored = """
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {scaleguard.io/ignore: "true"}}
"""
    ended = run("explain", "-", stdin=stream(GPU_POD, class_alone))
    first, second = ended.out.split("\n\n")
    assert first.startswith("Pod default/train\n  AI pod: inference (accelerators, restartPolicy")
    assert "  profile: none, the configuration's own values\n" in first
    assert "toleration                          nvidia.com/gpu Exists NoSchedule  taint" in first
    assert lines(second)[1:3] == ["AI pod: batch (label scaleguard.io/class: batch)",
                                  "accelerators: none"]  # fmt: skip
    ended = run("explain", "-", stdin=stream(GPU_POD, ignored))
    assert lines(ended.out)[2:] == [
        "accelerators: nvidia.com/gpu 2 (container main; NVIDIA devices)",
        'left alone: its namespace default has the label scaleguard.io/ignore: "true"',
    ]


def test_a_pod_that_was_fitted(run: Run) -> None:
    made = run("review", "-", "--mutate", stdin=GPU_POD).out
    told = lines(run("explain", "-", stdin=made).out)
    assert told[4:6] == [
        "was injected when the pod was made",
        "toleration | nvidia.com/gpu Exists NoSchedule | taint of NVIDIA nodes",
    ]
    assert told[-1] == "nothing more would be injected"
    without = made.replace("        memory: 16Gi\n", "")
    assert without != made
    told = lines(run("explain", "-", stdin=without).out)
    assert told[-3] == "what would be injected now"
    # Whoever else wrote into the annotation: it is shown as it is.
    other = GPU_POD.replace("{name: train}", "{name: t, annotations: {scaleguard.io/mutations: x}}")
    told = lines(run("explain", "-", stdin=other).out)
    assert told[4:6] == ["was injected when the pod was made: x", "what would be injected now"]


def test_claims_that_no_container_uses_and_several_containers(run: Run) -> None:
    pod = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  resourceClaims: [{name: c, resourceClaimName: c}]
  containers:
    - {name: a, resources: {limits: {amd.com/gpu: 1}}}
    - {name: b, resources: {limits: {amd.com/gpu: 1}}}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: c}
spec: {devices: {requests: [{name: r, exactly: {deviceClassName: gpu.nvidia.com}}]}}
"""
    assert lines(run("explain", "-", stdin=pod).out)[2] == (
        "accelerators: amd.com/gpu 2 (containers a, b; AMD devices), gpu.nvidia.com 1 (a claim; "
        "NVIDIA devices)"
    )


def test_a_pod_that_an_operator_puts_together(run: Run) -> None:
    nim = """
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMService
metadata: {name: llama}
spec: {image: {repository: nim}, resources: {limits: {nvidia.com/gpu: 1}}}
"""
    assert lines(run("explain", "-", stdin=nim).out)[:2] == [
        "NIMService default/llama | spec, put together as its operator does it",
        "AI pod: inference (owner NIMService)",
    ]
    document = json.loads(run("explain", "-", "-o", "json", stdin=nim).out)
    assert document["pods"][0]["assembled"] is True


def test_notes_are_shown(run: Run) -> None:
    unread = GPU_POD.replace("nvidia.com/gpu: 2", 'nvidia.com/gpu: "${GPUS}"')
    assert lines(run("explain", "-", stdin=unread).out)[-2:] == [
        "notes",
        "no requests for main: its nvidia.com/gpu cannot be counted",
    ]


def test_nothing_is_injected_where_everything_is_there(run: Run) -> None:
    labelled = (
        "{name: a, labels: {scaleguard.io/workload-class: batch, scaleguard.io/class: batch}}"
    )
    pod = GPU_POD.replace("{name: train}", labelled).replace("{limits: {nvidia.com/gpu: 2}}", "{}")
    assert "  nothing more would be injected\n" in run("explain", "-", stdin=pod).out


# ---------------------------------------------------------------- input


def test_a_file_and_a_folder(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(GPU_POD, encoding="utf-8")
    for given in (path, tmp_path):
        assert run("explain", given).out.startswith("Pod default/train\n")


def test_what_is_left_out_is_told_beside(run: Run) -> None:
    ended = run("explain", "-", stdin=stream(GPU_POD, "replicas: 1"))
    assert ended.status == 0
    assert ended.err.startswith("left out: - document 2: not a Kubernetes object")
    ended = run("explain", "-", "-o", "json", stdin=f"{GPU_POD}---\na: [\n")
    assert ended.status == 2
    assert ended.err.startswith("left out: - document 2: ")
    document = json.loads(ended.out)
    assert [one["source"] for one in document["skipped"]] == [{"file": "-", "document": 2}]
    assert document["pods"][0]["source"] == {"file": "-", "document": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "standard input: no pod and no pod template in it at all"),
        ("a: [", "in it:\n  - document 1: line 1: "),
        (HPA, "in it:\n  HorizontalPodAutoscaler default/web: makes no pods"),
        (
            "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, metadata: {name: x}}",
            "the controller of InferenceService writes the pod template; explain one of its pods",
        ),
    ],
)
def test_nothing_to_explain(run: Run, text: str, says: str) -> None:
    ended = run("explain", "-", stdin=text)
    assert (ended.status, ended.out) == (2, "")
    assert says in ended.err


def test_a_file_that_is_not_there(run: Run) -> None:
    ended = run("explain", "no/such.yaml")
    assert ended == (2, "", "Error: no/such.yaml: there is no such file\n")


def test_a_file_needs_no_cluster(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "web"
    path.write_text(GPU_POD, encoding="utf-8")
    ended = run("explain", path, "-n", "ml")
    assert ended.status == 2
    assert (
        f"the file {path} needs no cluster: leave out --namespace, or write pod/NAME" in ended.err
    )
    ended = run("explain", "-", "--context", "x")
    assert "standard input needs no cluster: leave out --context" in ended.err
    # A variable is there for all commands.
    monkeypatch.setenv("SCALEGUARD_NAMESPACE", "ml")
    assert run("explain", path).status == 0


def test_rules_that_give_no_answer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object, **__: object) -> None:
        raise CannotJudge("asleep")

    monkeypatch.setattr(explain_module, "explain", silent)
    ended = run("explain", "-", stdin=GPU_POD)
    assert ended == (2, "", "Error: the rules gave no answer: asleep\n")


# ---------------------------------------------------------------- on a terminal


def on_a_terminal(text: str, width: int) -> str:
    judge = build_judge(configuration.Config())
    raws = [one.raw for one in read_text(text, "-") if isinstance(one, Document)]
    world = World.of(raws, judge.knowledge.kinds)
    found = [
        explain(pod, judge, world, is_new=True) for raw in raws for pod in judge.pods(raw, world)
    ]
    written = io.StringIO()
    show(found, Console(file=written, force_terminal=True, width=width, highlight=False,
                        soft_wrap=True, color_system="standard"))  # fmt: skip
    return written.getvalue()


def plain(text: str) -> list[str]:
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]


SQUATTER = """
apiVersion: v1
kind: Pod
metadata: {name: squatter}
spec:
  tolerations: [{key: nvidia.com/gpu, operator: Exists}]
  containers: [{name: a, image: "x:1\\u001b[31m", resources: {limits: {nvidia/gpu: 1}}}]
"""


def test_a_terminal_has_colours_and_wraps_in_place() -> None:
    text = on_a_terminal(SQUATTER, 60)
    assert "\x1b[33mno AI pod\x1b[0m" in text
    shown = plain(text)
    start = shown.index("      accelerators  no container asks for one; nvidia/gpu is")
    assert shown[start + 1] == "                    none, did you mean nvidia.com/gpu?"
    assert any(line.startswith("      warn gpu-node-squatter: ") for line in shown)
    assert all(len(line) <= 60 for line in shown)


def test_a_narrow_terminal_puts_reasons_below() -> None:
    shown = plain(on_a_terminal(GPU_POD, 90))
    start = shown.index("      containers[main] requests.cpu       4")
    assert shown[start + 1] == "          default of scaleguard, for each of 2 devices"
    wide = plain(on_a_terminal(GPU_POD, 120))
    assert any(line.endswith("  default of scaleguard, for each of 2 devices") for line in wide)


def test_manifests_do_not_steer_the_terminal() -> None:
    named = SQUATTER.replace("name: squatter", 'name: "a\\u001b[31mb"')
    assert "a\N{REPLACEMENT CHARACTER}[31mb" in on_a_terminal(named, 80)


def test_notes_are_wrapped_too() -> None:
    unread = GPU_POD.replace("nvidia.com/gpu: 2", 'nvidia.com/gpu: "${GPUS}"')
    shown = plain(on_a_terminal(unread, 50))
    assert shown[-2:] == [
        "      no requests for main: its nvidia.com/gpu",
        "      cannot be counted",
    ]


# ---------------------------------------------------------------- JSON


PAGE = Path(__file__).resolve().parents[3] / "docs" / "explain-json.md"


def test_every_key_of_the_json_is_explained_and_no_other(run: Run) -> None:
    page = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    text = stream(LLM, WORLD, DEPLOYMENT, "replicas: 1")
    document = json.loads(run("explain", "-", "-o", "json", stdin=text).out)
    llm, web = document["pods"]
    parts = [document, *document["skipped"], llm, *llm["accelerators"], *llm["injected"]]
    parts += [*llm["leftAlone"], *web["whyNot"]]
    assert explained == {key for part in parts for key in part}
