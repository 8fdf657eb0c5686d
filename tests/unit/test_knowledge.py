import pytest

from webhook.core.accelerators import Counts, Family
from webhook.core.autoscalers.target import spelt
from webhook.core.frameworks.places import PodSpec, PodTemplate
from webhook.core.kinds import WorkloadClass
from webhook.core.objects import GroupKind
from webhook.knowledge import FOLDER, family, knowledge, shipped_kinds

KNOWN = knowledge()


def test_families_of_the_configuration_are_tried_first() -> None:
    ours = {"name": "Ours", "resources": {"slices": ["nvidia.com/*"]}, "deviceClasses": ["gpu.*"]}
    found = knowledge([ours])
    for name in ("nvidia.com/gpu", "nvidia.com/anything"):
        accelerator = found.catalogue.resource(name)
        assert accelerator is not None
        assert (accelerator.family, accelerator.counts) == ("Ours", Counts.SLICES)
        assert accelerator.toleration_keys == (name,)
    by_class = found.catalogue.device_class("gpu.amd.com")
    assert by_class is not None
    assert by_class.family == "Ours"
    assert KNOWN.catalogue.resource("nvidia.com/anything") is None


def test_classes_that_are_no_accelerators_stay_so_whatever_the_configuration_says() -> None:
    found = knowledge([{"name": "Ours", "deviceClasses": ["*"]}])
    assert found.catalogue.device_class("imex.nvidia.com") is None
    assert found.catalogue.device_class("anything.example.com") is not None


def test_within_a_family_shares_come_before_slices_before_devices() -> None:
    entry = {
        "name": "Acme",
        "tolerationKey": "acme.com/npu",
        "resources": {"devices": ["a/*"], "slices": ["a/s*"], "shares": ["a/sh*"]},
        "deviceClasses": ["*.acme.com"],
        "sliceClasses": ["part.acme.com"],
    }
    assert family(entry) == Family(
        "Acme",
        "acme.com/npu",
        ((Counts.SHARES, "a/sh*"), (Counts.SLICES, "a/s*"), (Counts.DEVICES, "a/*")),
        ((Counts.SLICES, "part.acme.com"), (Counts.DEVICES, "*.acme.com")),
    )


def test_the_smallest_family() -> None:
    assert family({"name": "Acme"}) == Family("Acme", None, (), ())


def test_detection_by_image_is_off_unless_it_is_asked_for() -> None:
    assert not KNOWN.detect_by_image
    assert knowledge(by_image=True).detect_by_image


def test_the_catalogue_ships_beside_the_code() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.yaml")) == [
        "accelerators.yaml",
        "tolerations.yaml",
        "workloads.yaml",
    ]


@pytest.mark.parametrize(
    ("group", "kind", "scalable"),
    [
        ("apps", "Deployment", True),
        ("apps", "StatefulSet", True),
        ("batch", "Job", True),
        ("batch", "CronJob", True),
        ("kubeflow.org", "PyTorchJob", True),
        ("kubeflow.org", "JAXJob", True),
        ("kubeflow.org", "PaddleJob", True),
        ("kubeflow.org", "TFJob", False),
        ("kubeflow.org", "XGBoostJob", False),
        ("kubeflow.org", "MPIJob", False),
        ("trainer.kubeflow.org", "TrainJob", False),
        ("jobset.x-k8s.io", "JobSet", False),
        ("ray.io", "RayCluster", False),
        ("ray.io", "RayService", False),
        ("leaderworkerset.x-k8s.io", "LeaderWorkerSet", True),
        ("workload.serving.volcano.sh", "ModelServing", True),
        ("kaito.sh", "Workspace", False),
        ("kaito.sh", "InferenceSet", True),
        ("kubeflow.org", "Notebook", False),
        ("batch.volcano.sh", "Job", False),
        ("", "Pod", False),
    ],
)
def test_where_the_walk_of_a_vpa_may_end(group: str, kind: str, scalable: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert KNOWN.kinds.scalable(group, kind) is scalable


def test_a_kind_is_for_something_or_generic() -> None:
    job = KNOWN.kinds.get(GroupKind("batch", "Job"))
    assert job is not None
    assert (job.workload_class, job.otherwise) == (None, WorkloadClass.TRAINING)
    ray = KNOWN.kinds.get(GroupKind("ray.io", "RayCluster"))
    assert ray is not None
    assert (ray.workload_class, ray.otherwise) == (WorkloadClass.BATCH, None)
    assert ray.origin_label == "ray.io/originated-from-crd"
    assert KNOWN.kinds.origins == {
        "RayService": WorkloadClass.INFERENCE,
        "RayJob": WorkloadClass.TRAINING,
    }


MODEL = {
    "group": "ai.example.com",
    "kind": "Model",
    "plural": "inferers",
    "templates": ["spec.template", {"podSpec": "spec.pod", "metadata": ".."}],
    "class": "inference",
    "scale": True,
}


def test_a_kind_of_the_configuration_is_one_like_those_of_the_catalogue() -> None:
    found = knowledge((), [MODEL]).kinds
    kind = found.get(GroupKind("ai.example.com", "Model"))
    assert kind is not None
    assert kind.templates == (PodTemplate("spec.template"), PodSpec("spec.pod", 1))
    assert (kind.workload_class, kind.plural) == (WorkloadClass.INFERENCE, "inferers")
    assert (kind.scalable, kind.between) == (True, False)
    assert found.scalable("ai.example.com", "Model")
    assert [kind.group_kind for kind in found][:-1] == [kind.group_kind for kind in KNOWN.kinds]
    assert shipped_kinds() == {kind.group_kind for kind in KNOWN.kinds}


def test_an_owner_without_pods_of_its_own_stands_between() -> None:
    fleet = {"group": "ai.example.com", "kind": "Fleet", "gang": True}
    kind = knowledge((), [fleet]).kinds.get(GroupKind("ai.example.com", "Fleet"))
    assert kind is not None
    assert (kind.templates, kind.scalable, kind.between, kind.gang) == ((), False, True, True)


def test_each_kind_that_can_be_scaled_is_known_by_its_small_letters() -> None:
    for kind in KNOWN.kinds:
        _, name = kind.group_kind
        assert spelt(name.lower()) == name or not kind.scalable, name
