"""Records of the audit: what travels comes back as it was, and repeats are one."""

import json
from dataclasses import replace
from typing import Any

import pytest

from webhook.core.objects import ObjectRef
from webhook.core.record import OwnerRef, Record, RecordKind, read_record

HPA = ObjectRef("autoscaling/v2", "HorizontalPodAutoscaler", "shop", "web")
VPA = ObjectRef("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "shop", "web")
POD = ObjectRef("v1", "Pod", "shop", None, "web-5d4f-")

DENIAL = Record(
    RecordKind.DENIAL,
    "hpa-vpa-same-metric",
    "deny",
    "",
    "enforce",
    "both act on cpu",
    HPA,
    "CREATE",
    "ada",
    "leave memory to the VPA",
    "spec.metrics[0]",
    "cpu",
    ("app",),
    (VPA,),
    "Deployment web",
    VPA,
    OwnerRef("apps", "Deployment", "web"),
    ("system:authenticated",),
    {"spec": {"maxReplicas": 3}},
)
PATCH = Record(RecordKind.MUTATION, "", "patch", "", "enforce", "tolerates gpus", POD, "CREATE", "")


@pytest.mark.parametrize("record", [DENIAL, PATCH])
def test_what_travels_comes_back(record: Record) -> None:
    read = read_record(json.loads(json.dumps(record.as_json())))
    assert read == record
    assert read.fields == record.fields


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"object": {}}, "a record needs action and object.kind"),
        ({"action": None}, "a record needs action and object.kind"),
        ({"kind": "rumour"}, "'rumour' is not a valid RecordKind"),
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_record(DENIAL.as_json() | change)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"message": "both act on cpu (80 %)"}, True),
        ({"fields": {}}, True),
        ({"object": replace(HPA, name="web-2")}, True),  # of one owner
        ({"object": replace(HPA, namespace="other")}, False),
        ({"owner": None}, False),
        ({"owner": OwnerRef("apps", "Deployment", "api")}, False),
        ({"rule": "duplicate-hpa"}, False),
        ({"user": "bob"}, False),
        ({"related": ()}, False),
        ({"related": (replace(VPA, name="other"),)}, False),
        ({"resource": "memory"}, False),
        ({"kind": RecordKind.WARNING, "action": "warn"}, False),
    ],
)
def test_repeats_are_one(change: dict[str, Any], *, same: bool) -> None:
    assert (replace(DENIAL, **change).fingerprint == DENIAL.fingerprint) is same


def test_what_is_still_to_be_named_is_told_by_how_it_begins() -> None:
    named = replace(PATCH, object=replace(POD, name="web-5d4f-x", generate_name=None))
    assert len({PATCH.fingerprint, named.fingerprint}) == 2
