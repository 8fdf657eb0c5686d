"""What makes pods, as a user sees it judged: warnings of kubectl, refusals, templates in queues."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import GPU, apply, pods, wait_until
from tests.e2e.manifests import deployment

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]
Configure = Callable[[str], None]

QUEUE = {"kueue.x-k8s.io/queue-name": "gpus"}
SQUATTING = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}


@pytest.fixture(scope="module")
def guard(plane: ControlPlane) -> Iterator[Guard]:
    with Guard(plane) as running:
        yield running


@pytest.fixture
def configure(guard: Guard, tmp_path: Path) -> Iterator[Configure]:
    """Starts the webhook again with another configuration, for one test."""

    def restart(config: str) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(config, encoding="utf-8")
        guard.mutate_templates = "mutateTemplates: true" in config
        guard.restart("--config", str(path))
        guard.register()

    yield restart
    guard.mutate_templates = False
    guard.restart()
    guard.register()


def job(name: str, namespace: str, **changes: Any) -> Raw:
    resources = {"limits": {GPU: "1"}}
    containers = [{"name": "main", "image": "example.com/run", "resources": resources}]
    spec = {"restartPolicy": "Never", "containers": containers}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": changes.get("labels", {})},
        "spec": {
            "suspend": changes.get("suspend", False),
            "template": {"metadata": {"annotations": changes.get("annotations")}, "spec": spec},
        },
    }


def squatter(namespace: str, *tolerations: Raw, **metadata: Any) -> Raw:
    raw = deployment("web", replicas=2, namespace=namespace)
    raw["metadata"] |= metadata
    raw["spec"]["template"]["spec"]["tolerations"] = list(tolerations)
    return raw


def warned(said: str) -> list[str]:
    """The rules that kubectl warned of."""
    return re.findall(r"^Warning: \[([\w-]+)\]", said, re.MULTILINE)


def got(plane: ControlPlane, kind: str, namespace: str, name: str) -> Raw:
    found = plane.kubectl("get", kind, "-n", namespace, name, "-o", "json").stdout
    taken: Raw = json.loads(found)
    return taken


def validated(guard: Guard) -> float:
    """How many reviews /validate has answered."""
    pattern = r'scaleguard_reviews_total{endpoint="validate".*} (\S+)'
    return sum(map(float, re.findall(pattern, guard.metrics())))


def test_a_squatter_is_told_when_it_is_written_and_nothing_that_it_makes_is_asked_about(
    plane: ControlPlane, namespace: str, guard: Guard
) -> None:
    before = validated(guard)
    said = apply(plane, squatter(namespace, SQUATTING))
    assert warned(said) == ["gpu-node-squatter"]
    assert f"the pods of Deployment {namespace}/web may take the place of pods" in said
    assert f"by tolerating taint {GPU} without asking for one" in said
    wait_until(lambda: len(pods(plane, namespace)) == 2)
    changed = squatter(namespace, SQUATTING, labels={"team": "shop"})
    assert warned(apply(plane, changed)) == ["gpu-node-squatter"]
    assert validated(guard) - before == 2, "the Deployment twice, its ReplicaSet and pods never"
    told = [line for line in guard.log if namespace in line and "gpu-node-squatter" in line]
    assert len(told) == 2, "".join(told)


@pytest.mark.usefixtures("guard")
def test_a_pod_that_nothing_makes_is_judged_itself(plane: ControlPlane, namespace: str) -> None:
    container = {"name": "app", "image": "app"}
    raw = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "alone", "namespace": namespace},
        "spec": {"containers": [container], "tolerations": [SQUATTING]},
    }
    assert warned(apply(plane, raw)) == ["gpu-node-squatter"]


@pytest.mark.usefixtures("guard")
def test_a_custom_resource_is_judged_unless_what_controls_it_is(
    plane: ControlPlane, namespace: str
) -> None:
    def owner(api_version: str, kind: str, **more: bool) -> Raw:
        return {"apiVersion": api_version, "kind": kind, "name": "a", "uid": kind, **more}

    def told(owners: list[Raw] | None, *by: str) -> list[str]:
        spec = {"containers": [{"name": "app", "image": "app"}], "tolerations": [SQUATTING]}
        raw = {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledJob",
            "metadata": {"name": "queue", "namespace": namespace, "ownerReferences": owners},
            "spec": {
                "triggers": [{"type": "cron", "metadata": {}}],
                "jobTargetRef": {"template": {"spec": spec}},
            },
        }
        # Tried, not made: the garbage collector takes what has owners that never were.
        dry = ("create", "--dry-run=server", "-f", "-")
        return warned(plane.kubectl(*dry, *by, input=json.dumps(raw)).stderr)

    plain, controlling = owner("v1", "ConfigMap"), owner("example.com/v1", "Shop", controller=True)
    workflow = owner("argoproj.io/v1alpha1", "CronWorkflow", controller=True)
    deployed = owner("apps/v1", "Deployment")
    operator = ("--as=system:serviceaccount:argo:argo", "--as-group=system:masters")
    for owners in (None, [], [plain], [deployed], [controlling]):
        assert told(owners, *operator) == ["gpu-node-squatter"], owners
    assert told([plain, workflow], *operator) == []
    assert told([plain, workflow]) == ["gpu-node-squatter"], "anybody can name an owner"


@pytest.mark.usefixtures("guard")
def test_exempt_workloads_and_ignored_namespaces_are_not_warned_of(
    plane: ControlPlane, namespace: str
) -> None:
    exempt = {"annotations": {"scaleguard.io/exempt": "gpu-node-squatter"}}
    assert warned(apply(plane, squatter(namespace, SQUATTING, **exempt))) == []
    plane.kubectl("label", "namespace", namespace, "scaleguard.io/ignore=true")
    assert warned(apply(plane, squatter(namespace, SQUATTING))) == []


@pytest.mark.usefixtures("guard")
def test_a_guessed_training_run_may_be_evicted_and_a_declared_one_is_protected(
    plane: ControlPlane, namespace: str
) -> None:
    said = apply(plane, job("guessed", namespace))
    assert warned(said) == ["training-evictable"]
    assert "the Cluster Autoscaler and Karpenter may evict the pods of Job" in said
    declared = {"scaleguard.io/class": "training"}
    assert warned(apply(plane, job("declared", namespace, annotations=declared))) == []
    wait_until(lambda: len(pods(plane, namespace)) == 2)
    annotated = {
        pod["metadata"]["labels"]["job-name"]: pod["metadata"].get("annotations", {})
        for pod in pods(plane, namespace)
    }
    assert annotated["declared"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert annotated["declared"]["karpenter.sh/do-not-disrupt"] == "true"
    assert "karpenter.sh/do-not-disrupt" not in annotated["guessed"]


@pytest.mark.usefixtures("guard")
def test_what_no_node_can_take_is_told_with_the_reason(plane: ControlPlane, namespace: str) -> None:
    assert warned(apply(plane, deployment("fits", gpus=8, replicas=0, namespace=namespace))) == []
    said = apply(plane, deployment("huge", gpus=16, replicas=0, namespace=namespace))
    assert warned(said) == ["gpu-unschedulable"]
    assert f"the pods of Deployment {namespace}/huge can run on no known node: " in said
    assert GPU in said.partition("can run on no known node: ")[2]


@pytest.mark.usefixtures("guard")
def test_what_a_quota_will_refuse_is_told_at_the_workload(
    plane: ControlPlane, namespace: str
) -> None:
    hard = f"--hard=requests.{GPU}=2"
    plane.kubectl("create", "quota", "team", hard, "-n", namespace)
    wait_until(lambda: "hard" in got(plane, "quota", namespace, "team").get("status", {}))

    def over() -> bool:
        raw = deployment("llm", gpus=4, replicas=0, namespace=namespace)
        return warned(apply(plane, raw)) == ["pod-over-quota"]

    # The webhook learns of quotas through a watch of its own.
    wait_until(over)
    said = apply(plane, deployment("other", gpus=4, replicas=0, namespace=namespace))
    assert f"would be refused by ResourceQuota team: it allows 2 of requests.{GPU}" in said
    assert warned(apply(plane, deployment("ok", gpus=2, replicas=0, namespace=namespace))) == []


@pytest.mark.usefixtures("guard")
def test_a_job_in_a_queue_is_told_the_patch_that_mends_it(
    plane: ControlPlane, namespace: str
) -> None:
    raw = job("waiting", namespace, labels=QUEUE, suspend=True)
    said = apply(plane, raw)
    assert "kueue-template-unfitted" in warned(said)
    assert f"Job {namespace}/waiting waits in queue gpus of Kueue" in said
    patch = re.search(
        r"write this JSON patch into its manifest [^:]*: (\[.*\])$", said, re.MULTILINE
    )
    assert patch is not None, said
    # Kubernetes lets tolerations and requests of a Job be changed until it is started.
    change = ("patch", "job", "-n", namespace, "waiting", "--type=json", "-p", patch[1])
    assert "kueue-template-unfitted" not in warned(plane.kubectl(*change).stderr)
    template = got(plane, "job", namespace, "waiting")["spec"]["template"]["spec"]
    assert template["tolerations"] == [SQUATTING]
    assert template["containers"][0]["resources"]["requests"] == {"cpu": "3", "memory": "12Gi"}
    # The same on what is still a file.
    raw["metadata"]["name"] = "written"
    local = ("patch", "--local", "-f", "-", "--type=json", "-p", patch[1], "-o", "json")
    mended = json.loads(plane.kubectl(*local, input=json.dumps(raw)).stdout)
    assert "kueue-template-unfitted" not in warned(apply(plane, mended))


def test_templates_in_queues_are_fitted_where_that_is_wanted(
    plane: ControlPlane, namespace: str, configure: Configure
) -> None:
    configure("kueue: {mutateTemplates: true}")
    said = apply(plane, job("waiting", namespace, labels=QUEUE, suspend=True))
    assert warned(said) == ["training-evictable"]
    template = got(plane, "job", namespace, "waiting")["spec"]["template"]
    assert template["spec"]["tolerations"] == [SQUATTING]
    requests = template["spec"]["containers"][0]["resources"]["requests"]
    assert requests == {"cpu": "3", "memory": "12Gi"}
    # Without a queue a template stays as it is written.
    apply(plane, job("free", namespace, suspend=True))
    assert "tolerations" not in got(plane, "job", namespace, "free")["spec"]["template"]["spec"]
    plane.kubectl("patch", "job", "-n", namespace, "waiting", "-p", '{"spec": {"suspend": false}}')
    wait_until(lambda: len(pods(plane, namespace)) == 1)
    pod = pods(plane, namespace)[0]
    assert pod["spec"]["containers"][0]["resources"]["requests"] == requests | {GPU: "1"}
    assert [one for one in pod["spec"]["tolerations"] if one["key"] == GPU] == [SQUATTING]


@pytest.mark.usefixtures("guard")
def test_requests_of_a_pod_that_kueue_let_start_are_not_raised(
    plane: ControlPlane, namespace: str
) -> None:
    resources = {"limits": {GPU: "1"}}
    raw = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "counted",
            "namespace": namespace,
            "labels": {"kueue.x-k8s.io/podset": "main"},
        },
        "spec": {"containers": [{"name": "main", "image": "run", "resources": resources}]},
    }
    said = apply(plane, raw)
    assert "no requests: Kueue has counted what the pod asks for" in said
    spec = got(plane, "pod", namespace, "counted")["spec"]
    assert SQUATTING in spec["tolerations"]
    assert spec["containers"][0]["resources"]["requests"] == {GPU: "1"}


def test_a_rule_that_denies_refuses_what_is_new_and_warns_of_what_was_there(
    plane: ControlPlane, namespace: str, configure: Configure
) -> None:
    apply(plane, squatter(namespace, SQUATTING))
    configure("rules: {gpu-node-squatter: deny}")
    said = apply(plane, squatter(namespace, SQUATTING, labels={"team": "shop"}))
    assert warned(said) == ["gpu-node-squatter"]
    assert "only a warning: it was there before this update" in said
    other = {"key": "amd.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    said = apply(plane, squatter(namespace, SQUATTING, other), check=False)
    assert 'admission webhook "workloads.scaleguard.io" denied the request: ' in said
    assert "[gpu-node-squatter]" in said
    assert "; decision " in said
    new = squatter(namespace, SQUATTING)
    new["metadata"]["name"] = "new"
    said = apply(plane, new, check=False)
    assert "denied the request: [gpu-node-squatter]" in said
    assert plane.kubectl("get", "deployment", "-n", namespace, "new", check=False).returncode == 1
