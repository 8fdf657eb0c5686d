"""Who what an operator made belongs to."""

from typing import Any

import pytest

from webhook.core.topmost_owner import topmost_owner

Raw = dict[str, Any]


def owned(api: str, kind: str, name: str, uid: str | None = "u", **labels: str) -> Raw:
    owner = {"apiVersion": api, "kind": kind, "name": name, "controller": True}
    owner |= {"uid": uid} if uid is not None else {}
    metadata = {"namespace": "ml", "name": "h", "labels": labels, "ownerReferences": [owner]}
    return {"metadata": metadata}


def of_service(**metadata: str) -> Raw:
    found = {"namespace": "ml", "name": "llama", **metadata}
    return {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": found}


KSERVE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"namespace": "ml", "name": "llama", "uid": "u"},
}
PA = ("autoscaling.internal.knative.dev/v1alpha1", "PodAutoscaler", "llama-00001")
LABELS = {"serving.knative.dev/service": "llama", "serving.knative.dev/serviceUID": "s"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (owned("serving.kserve.io/v1beta1", "InferenceService", "llama"), KSERVE),
        (owned(*PA, **LABELS), of_service(uid="s")),
        (owned(*PA, **{"serving.knative.dev/service": "llama"}), of_service()),
        # A Revision without a Service: its PodAutoscaler is all that is known.
        (
            owned(*PA),
            {
                "apiVersion": PA[0],
                "kind": PA[1],
                "metadata": {"namespace": "ml", "name": PA[2], "uid": "u"},
            },
        ),
        # Anybody can write such a label: by itself it makes no owner.
        (
            owned("serving.kserve.io/v1beta1", "InferenceService", "llama", **LABELS),
            KSERVE,
        ),
        ({"metadata": {"name": "h", "labels": LABELS}}, None),
        ({}, None),
    ],
)
def test_owner(raw: Raw, expected: Raw | None) -> None:
    assert topmost_owner(raw) == expected
