"""What rules are told of a pod. What they make of it is shown by the cases of each rule."""

import json
from typing import Any

import pytest

from tests.unit.core.pods import GPU, KNOWLEDGE, container, pod
from webhook.config import Config
from webhook.core.classify import made_by
from webhook.core.decide import Judge, validate
from webhook.core.finding import Action
from webhook.core.pod_facts import MOST_SQUATS, PodContext, PodFacts, gather_pod
from webhook.core.profile import Profiles
from webhook.core.review import read_review
from webhook.core.verdict import Rule, Settings, Verdict
from webhook.core.world import World
from webhook.wiring import build_judge

Raw = dict[str, Any]

JUDGE = build_judge(Config())
TRAINING = {"annotations": {"scaleguard.io/class": "training"}}
WILDCARD = {"operator": "Exists"}
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "gpu-1"},
    "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110", "nvidia.com/gpu": "1"}},
}


def deployment(template: Raw, kind: str = "Deployment", **metadata: Any) -> Raw:
    group = {"Job": "batch/v1"}.get(kind, "apps/v1")
    made = {key: value for key, value in template.items() if key in {"metadata", "spec"}}
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": "llm", "namespace": "ml", **metadata},
        "spec": {"replicas": 2, "template": made},
    }


def facts(raw: Raw, *world: Raw, new: bool = True) -> PodFacts | None:
    seen = World.of(world, KNOWLEDGE.kinds)
    [subject] = JUDGE.pods(raw, seen)
    context = PodContext(KNOWLEDGE.catalogue, JUDGE.shapes(seen))
    return gather_pod(subject, seen, context, is_new=new)


def told(raw: Raw, *world: Raw) -> Raw:
    found = facts(raw, *world)
    assert found is not None
    return found.pod


def test_an_ai_pod_is_told_as_it_will_be() -> None:
    document = told(deployment(pod(container(resources=GPU), container("proxy"))))
    assert [one["name"] for one in document.pop("containers")] == ["main", "proxy"]
    assert document == {
        "text": "the pods of Deployment ml/llm",
        "path": "spec.template",
        "specPath": "spec.template.spec",
        "class": "inference",
        "why": "accelerators in a Deployment",
        "guessed": True,
        "accelerators": {"nvidia.com/gpu": 1},
        "replicas": 2,
        "containersLeftOut": 0,
        "squats": [],
        "misspelt": [],
        "unschedulable": None,
        "evictable": [],
        "quota": [],
        "kueue": None,
    }


def test_the_document_of_rules() -> None:
    found = facts(deployment(pod()))
    assert found is not None
    [document] = found.documents({"strictness": "literal"})
    assert document["object"]["text"] == "Deployment ml/llm"
    assert (document["version"], document["overlaps"]) == (1, [])
    assert document["pod"] == found.pod


def test_of_a_plain_pod_there_is_nothing_to_tell() -> None:
    assert facts(deployment(pod(container()))) is None


@pytest.mark.parametrize(
    ("toleration", "taint"),
    [
        ({"key": "nvidia.com/gpu", "operator": "Exists"}, "taint nvidia.com/gpu"),
        ({"key": "nvidia.com/gpu", "value": "x", "effect": "NoExecute"}, ""),
        ({"key": "nvidia.com/mig-1g.5gb", "effect": "NoSchedule"}, "taint nvidia.com/mig-1g.5gb"),
        (WILDCARD, "every taint"),
        ({"operator": "Exists", "effect": "NoExecute"}, ""),
        ({"operator": "Exists", "effect": "NoSchedule"}, "every taint"),
        ({"key": "nvidia.com/gpu", "effect": "PreferNoSchedule"}, ""),
        ({"key": "sku", "operator": "Equal", "value": "gpu"}, ""),
        ({"value": "x"}, ""),
    ],
)
def test_a_pod_without_accelerators_squats_by_its_tolerations(toleration: Raw, taint: str) -> None:
    found = facts(deployment(pod(container(), tolerations=[{"key": "a"}, toleration])))
    squats = found.pod["squats"] if found is not None else []
    path = "spec.template.spec.tolerations[1]"
    assert squats == ([{"path": path, "taint": taint}] if taint else [])


@pytest.mark.parametrize(
    "raw",
    [
        deployment(pod(tolerations=[WILDCARD])),
        deployment(
            pod(metadata={"annotations": {"scaleguard.io/class": "none"}}, tolerations=[WILDCARD])
        ),
        deployment(pod(container(), tolerations=[WILDCARD]), kind="DaemonSet"),
        deployment(
            pod(
                container(),
                tolerations=[WILDCARD],
                resourceClaims=[{"name": "a", "resourceClaimTemplateName": "b"}],
            )
        ),
        deployment(pod(container(), tolerations=[WILDCARD], nodeName="gpu-1")),
        deployment(
            pod(
                container(),
                tolerations=[WILDCARD],
                nodeSelector={"kubernetes.io/hostname": "gpu-1"},
            )
        ),
        deployment(
            pod(
                container(),
                tolerations=[WILDCARD],
                resourceClaims=[{"name": "a", "source": {"resourceClaimName": "b"}}],
            )
        ),
        pod(
            container(),
            metadata={"annotations": {"kubernetes.io/config.mirror": "x"}},
            tolerations=[WILDCARD],
        ),
        pod(
            container(),
            metadata={
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "a", "controller": True}
                ]
            },
            tolerations=[WILDCARD],
        ),
    ],
)
def test_who_may_tolerate_everything(raw: Raw) -> None:
    found = facts(raw)
    assert found is None or found.pod["squats"] == []


def test_paths_of_a_spec_without_a_template_around_it() -> None:
    clique = {"spec": {"podSpec": pod(container(), tolerations=[WILDCARD])["spec"]}}
    raw = {
        "apiVersion": "grove.io/v1alpha1",
        "kind": "PodCliqueSet",
        "metadata": {"name": "llm"},
        "spec": {"template": {"cliques": [clique]}},
    }
    document, spec = told(raw), "spec.template.cliques[0].spec.podSpec"
    assert (document["path"], document["specPath"]) == (spec, spec)
    assert [squat["path"] for squat in document["squats"]] == [f"{spec}.tolerations[0]"]


def test_a_pod_that_fits_no_node() -> None:
    two = deployment(pod(container(resources={"limits": {"nvidia.com/gpu": 2}})))
    said = told(two, NODE)["unschedulable"]
    assert "nvidia.com/gpu" in said
    assert told(deployment(pod()), NODE)["unschedulable"] is None
    assert told(two)["unschedulable"] is None
    amd = deployment(pod(container(resources={"limits": {"amd.com/gpu": 1}})))
    assert told(amd, NODE)["unschedulable"] == "no known node gives amd.com/gpu"


def test_each_taint_is_told_once() -> None:
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists"}
    found = facts(deployment(pod(container(), tolerations=[gpu, {"key": "a"}, gpu])))
    assert found is not None
    assert [one["path"] for one in found.pod["squats"]] == ["spec.template.spec.tolerations[0]"]


def test_a_pod_that_tolerates_a_thousand_taints_is_told_of_some() -> None:
    listed = [{"key": f"nvidia.com/mig-{number}", "operator": "Exists"} for number in range(1000)]
    found = facts(deployment(pod(container(), tolerations=listed)))
    assert found is not None
    assert len(found.pod["squats"]) == MOST_SQUATS


def test_who_asks_for_another_resource_of_the_vendor_does_not_squat() -> None:
    other = container(resources={"limits": {"nvidia.com/GA102GL_A10": 1}})
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists"}
    assert facts(deployment(pod(other, tolerations=[gpu]))) is None


def test_amounts_that_another_scheduler_counts_need_not_be_listed() -> None:
    hami = {"limits": {"nvidia.com/gpu": 1, "nvidia.com/gpumem": 3000}}
    assert told(deployment(pod(container(resources=hami))), NODE)["unschedulable"] is None
    much = {"limits": {"nvidia.com/gpu": 2, "nvidia.com/gpumem": 3000}}
    assert told(deployment(pod(container(resources=much))), NODE)["unschedulable"] is not None


def test_nodes_without_accelerators_say_nothing_of_those_with_them() -> None:
    eks = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "cpu"},
        "status": {"allocatable": {"cpu": "8", "vpc.amazonaws.com/pod-eni": "9"}},
    }
    assert told(deployment(pod()), eks)["unschedulable"] is None
    by_class = {"limits": {"deviceclass.resource.kubernetes.io/gpu.nvidia.com": 1}}
    assert told(deployment(pod(container(resources=by_class))), NODE)["unschedulable"] is None


def test_a_misspelt_accelerator_is_given_by_nobody() -> None:
    raw = deployment(pod(container(resources={"limits": {"nvidia/gpu": 1, "example.com/x": 1}})))
    assert told(raw)["misspelt"] == [{"name": "nvidia/gpu", "meant": "nvidia.com/gpu"}]
    given = {**NODE, "status": {"allocatable": {"nvidia/gpu": "1"}}}
    assert told(raw, given)["misspelt"] == []


def test_what_is_in_no_namespace_meets_no_quota() -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q"},
        "spec": {"hard": {"pods": "0"}},
    }
    assert told(pod(), quota)["quota"] != []
    runtime = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "ClusterTrainingRuntime",
        "metadata": {"name": "r"},
        "spec": {
            "template": {"spec": {"replicatedJobs": [{"template": {"spec": {"template": pod()}}}]}}
        },
    }
    assert told(runtime, quota)["quota"] == []


@pytest.mark.parametrize(
    "raw",
    [
        pod(container(), metadata={"labels": {"ray.io/cluster": "c"}}),
        pod(container(resources={"limits": {"nvidia.com/gpu": "${GPUS}"}})),
        pod(resourceClaims=[{"name": "a", "resourceClaimName": "b"}]),
    ],
)
def test_where_nobody_can_tell_whether_a_pod_fits(raw: Raw) -> None:
    assert told(deployment(raw), NODE)["unschedulable"] is None


def test_which_autoscalers_may_end_a_run() -> None:
    both = ["the Cluster Autoscaler", "Karpenter"]
    guessed = deployment(pod(), kind="Job")
    assert told(guessed)["evictable"] == both
    assert told(deployment(pod(metadata=TRAINING), kind="Job"))["evictable"] == []
    karpenter = {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}
    assert told(deployment(pod(metadata=karpenter), kind="Job"))["evictable"] == both[:1]
    kept = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "on-completion"}
    kept["karpenter.sh/do-not-disrupt"] = "1h30m"
    assert told(deployment(pod(metadata={"annotations": kept}), kind="Job"))["evictable"] == []
    mistaken = dict.fromkeys(kept, "yes")
    said = deployment(pod(metadata={"annotations": mistaken}), kind="Job")
    assert told(said)["evictable"] == both
    for consent in (
        {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
        {"karpenter.sh/do-not-disrupt": "false"},
    ):
        told_so = deployment(pod(metadata={"annotations": consent}), kind="Job")
        assert told(told_so)["evictable"] == []


def vpa(mode: str, **annotations: str) -> Raw:
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": "v", "namespace": "ml", "annotations": annotations},
        "spec": {
            "targetRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "llm"},
            "updatePolicy": {"updateMode": mode},
        },
    }


def test_a_vpa_that_evicts_meets_a_run() -> None:
    job = deployment(pod(metadata=TRAINING), kind="Job")
    found = facts(job, vpa("Recreate", **{"scaleguard.io/exempt": "training-evictable"}))
    assert found is not None
    [overlap] = found.overlaps
    assert overlap.document["type"] == "evicting-vpa"
    assert overlap.document["vpa"]["mode"] == "Recreate"
    assert [ref.name for ref in overlap.related] == ["v"]
    assert set(overlap.exempt) == {"training-evictable"}
    for mode in ("Initial", "Off", "InPlace"):
        quiet = facts(job, vpa(mode))
        assert quiet is not None
        assert quiet.overlaps == ()
    serving = facts(deployment(pod()), vpa("Recreate"))
    assert serving is not None
    assert serving.overlaps == ()


def test_a_queued_workload_lacks_what_its_pods_would_get() -> None:
    queued = {"labels": {"kueue.x-k8s.io/queue-name": "gpus"}}
    found = told(deployment(pod(metadata=TRAINING), kind="Job", **queued))["kueue"]
    assert found["queue"] == "gpus"
    assert found["missing"] == "tolerations: nvidia.com/gpu; requests: main cpu=3 memory=12Gi"
    assert [operation["path"] for operation in json.loads(found["patch"])] == [
        "/spec/template/spec/tolerations",
        "/spec/template/spec/containers/0/resources/requests",
    ]
    full = container(resources={"limits": {"nvidia.com/gpu": 1, "cpu": 1, "memory": "1Gi"}})
    fitted = pod(full, tolerations=[WILDCARD])
    assert told(deployment(fitted, kind="Job", **queued))["kueue"] is None
    assert told(pod(metadata={"name": "a", **queued}))["kueue"] is None
    started = {**TRAINING, "labels": {"kueue.x-k8s.io/podset": "main"}}
    assert told(deployment(pod(metadata=started), kind="Job", **queued))["kueue"] is None
    trainer = {"numNodes": 1, "resourcesPerNode": {"limits": {"nvidia.com/gpu": 1}}}
    train_job = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "a", **queued},
        "spec": {"trainer": trainer},
    }
    assert told(train_job)["kueue"]["patch"] is None
    fitting = build_judge(Config(mutate_templates=True))
    for raw, warned in ((deployment(pod(), kind="Job", **queued), False), (train_job, True)):
        seen = World.of((), KNOWLEDGE.kinds)
        [subject] = fitting.pods(raw, seen)
        rules = {one.rule for one in fitting.pod_findings(subject, seen, is_new=True)}
        assert ("kueue-template-unfitted" in rules) is warned


def test_the_maker_of_a_pod_is_its_controller() -> None:
    assert made_by(pod()) is None


CONTROLLER = "system:serviceaccount:kube-system:deployment-controller"


def asked(raw: Raw, old: Raw | None = None, judge: Judge = JUDGE, user: str = "jane") -> Any:
    group, _, version = raw["apiVersion"].rpartition("/")
    request = {
        "uid": "1",
        "operation": "CREATE" if old is None else "UPDATE",
        "namespace": "ml",
        "kind": {"group": group, "version": version, "kind": raw["kind"]},
        "userInfo": {"username": user},
        "object": raw,
        "oldObject": old,
    }
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return validate(read_review(body), World(KNOWLEDGE.kinds), judge)


def test_workloads_are_judged_where_a_person_sees_it() -> None:
    squatter = deployment(pod(container(), tolerations=[WILDCARD]))
    [finding] = asked(squatter).findings
    assert (finding.rule, finding.action) == ("gpu-node-squatter", Action.WARN)
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llm", "controller": True}
    made = deployment(
        pod(container(), tolerations=[WILDCARD]), kind="ReplicaSet", ownerReferences=[owner]
    )
    assert asked(made, user=CONTROLLER).findings == ()
    assert len(asked(made).findings) == 1
    foreign = {**owner, "kind": "Foreign", "apiVersion": "example.com/v1"}
    by_foreign = deployment(
        pod(container(), tolerations=[WILDCARD]), kind="ReplicaSet", ownerReferences=[foreign]
    )
    assert len(asked(by_foreign, user=CONTROLLER).findings) == 1
    assert asked({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}).findings == ()


def test_an_update_may_keep_what_is_denied_and_add_none() -> None:
    def deny(document: Raw) -> list[Verdict]:
        return [
            Verdict("r", Action.DENY, "no", "", path=squat["path"])
            for squat in document["pod"]["squats"]
        ]

    strict = Judge(KNOWLEDGE, Profiles(), Settings({"r": Rule("r", "R", Action.DENY)}), deny)
    one = deployment(pod(container(), tolerations=[WILDCARD]))
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists"}
    two = deployment(pod(container(), tolerations=[WILDCARD, gpu]))
    moved = deployment(pod(container(), tolerations=[{"key": "a"}, WILDCARD]))
    assert asked(moved, one, strict).allowed
    assert not asked(one, judge=strict).allowed
    kept = asked({**one, "metadata": {**one["metadata"], "labels": {"a": "b"}}}, one, strict)
    assert kept.allowed
    assert [finding.action for finding in kept.findings] == [Action.WARN]
    assert not asked(two, one, strict).allowed
