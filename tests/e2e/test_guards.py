"""Who may switch judgement off: the chart's policies in a real API server, without any webhook."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.e2e.chart import CHART, RELEASE, Helm
from tests.e2e.kubectl import apply, pods, wait_until
from tests.e2e.manifests import deployment, hpa, stream, vpa

IGNORE, MANAGED, EXEMPT = (f"scaleguard.io/{key}" for key in ("ignore", "managed", "exempt"))
EDITOR = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "platform-editor"},
    "rules": [
        {"apiGroups": [group], "resources": ["*"], "verbs": ["*"]}
        for group in ("", "apps", "autoscaling", "autoscaling.k8s.io")
    ],
}

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]


def rendered(folder: Path, *values: str, version: str = "1.37.0") -> list[Raw]:
    options = [option for value in values for option in ("--set", value)]
    helm = Helm(folder)
    text = helm("template", RELEASE, str(CHART), f"--kube-version={version}", *options)
    return [document for document in yaml.safe_load_all(text) if document is not None]


def of_guards(documents: list[Raw]) -> list[Raw]:
    return [
        document
        for document in documents
        if document["kind"].startswith("ValidatingAdmissionPolicy")
        or document["metadata"]["name"] == f"{RELEASE}-exempter"
    ]


@pytest.fixture(scope="module")
def guarded(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """The policies of the chart; ed may edit everything in sight, eve may also exempt."""
    folder = tmp_path_factory.mktemp("chart")
    objects = [*of_guards(rendered(folder, "guards.exemptAnnotation=true")), EDITOR]
    assert len(objects) == 3 + 3 + 1 + 1
    apply(plane, *objects)
    bindings = {"ed-edits": "ed", "eve-edits": "eve", "eve-exempts": "eve"}
    for name, user in bindings.items():
        role = f"{RELEASE}-exempter" if name == "eve-exempts" else "platform-editor"
        made = ("create", "clusterrolebinding", name, f"--clusterrole={role}", f"--user={user}")
        plane.kubectl(*made)
    # The API server learns of roles and policies by watches.
    wait_until(lambda: label(plane, "eve", "namespace", "default", "x=y", "--dry-run=server") == "")
    probe = vpa("probe", "web")
    for change in ({"labels": {MANAGED: "x"}}, {"annotations": {EXEMPT: "x"}}):
        raw = probe | {"metadata": probe["metadata"] | change}
        wait_until(partial(is_refused, plane, raw))
    wait_until(partial(is_refused, plane, home("probe")))
    yield plane
    plane.kubectl("delete", "clusterrolebinding", *bindings)
    plane.kubectl("delete", "-f", "-", input=stream(*objects))


def is_refused(plane: ControlPlane, raw: Raw) -> bool:
    return "denied request" in create(plane, "ed", raw, "--dry-run=server")


def home(name: str) -> Raw:
    """A namespace that is left alone from the start."""
    metadata = {"name": name, "labels": {IGNORE: "true"}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def said(plane: ControlPlane, user: str, *arguments: str, text: str | None = None) -> str:
    """What is said to a user who asks for something; nothing where it is done."""
    done = plane.kubectl("--as", user, *arguments, input=text, check=False)
    assert (done.returncode == 0) is (done.stderr == ""), done.stderr
    return done.stderr


def label(plane: ControlPlane, user: str, *arguments: str) -> str:
    return said(plane, user, "label", "--overwrite", *arguments)


def create(plane: ControlPlane, user: str, raw: Raw, *options: str) -> str:
    return said(plane, user, "create", "-f", "-", *options, text=json.dumps(raw))


def test_who_edits_namespaces_is_refused_that_one_label_and_nothing_else(
    guarded: ControlPlane, namespace: str
) -> None:
    def by(user: str, change: str) -> str:
        return label(guarded, user, "namespace", namespace, change)

    assert by("ed", "team=a") == ""
    refused = by("ed", f"{IGNORE}=true")
    for part in (
        f"namespaces \"{namespace}\" is forbidden: ValidatingAdmissionPolicy '{RELEASE}-ignore'",
        f"denied request: the label {IGNORE} takes a namespace out of all judgement, and ed may",
        f"fix: leave it as it is, or ask for a ClusterRoleBinding to the ClusterRole {RELEASE}-exe",
    ):
        assert part in refused
    patch = json.dumps({"metadata": {"labels": {IGNORE: "true"}}})
    through = ("patch", "namespace", namespace, "--subresource=status", "--type=merge", "-p", patch)
    assert "denied request" in said(guarded, "ed", *through)
    assert by("eve", f"{IGNORE}=true") == ""
    assert by("ed", "team=b") == "", "what it is stays, and the rest may change"
    for change in (f"{IGNORE}-", f"{IGNORE}=false"):
        assert "denied request" in by("ed", change)
    assert by("eve", f"{IGNORE}-") == ""


def test_a_namespace_that_is_made_with_the_label_is_refused(guarded: ControlPlane) -> None:
    assert "denied request" in create(guarded, "ed", home("made-by-ed"))
    assert create(guarded, "eve", home("made-by-ed")) == ""
    assert said(guarded, "ed", "delete", "namespace", "made-by-ed", "--wait=false") == ""


def test_nobody_marks_vpas_as_managed_who_only_edits_or_exempts(
    guarded: ControlPlane, namespace: str
) -> None:
    raw = vpa("web", "web", namespace=namespace)
    raw["metadata"]["labels"] = {MANAGED: "true"}
    for user in ("ed", "eve"):
        refused = create(guarded, user, raw)
        assert f"{user} may not change it; fix: leave it as it is, or ask for the right" in refused
    apply(guarded, MAKER | {"metadata": {"name": "maker", "namespace": namespace}})
    binding = ("create", "rolebinding", "maker", "-n", namespace, "--role=maker", "--user=ed")
    guarded.kubectl(*binding)
    wait_until(lambda: create(guarded, "ed", raw, "--dry-run=server") == "")
    assert create(guarded, "ed", raw) == ""
    change = ("vpa", "web", "-n", namespace, f"{MANAGED}-")
    assert "denied request" in label(guarded, "eve", *change)
    assert label(guarded, "eve", *change[:-1], "team=a") == ""


MAKER: Raw = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "rules": [
        {
            "apiGroups": ["scaleguard.io"],
            "resources": ["verticalpodautoscalers"],
            "verbs": ["manage"],
        }
    ],
}


def test_a_right_in_a_namespace_exempts_objects_there_and_not_the_namespace(
    guarded: ControlPlane, namespace: str
) -> None:
    raw = vpa("web", "web", namespace=namespace)
    raw["metadata"]["annotations"] = {EXEMPT: "hpa-vpa-same-metric"}
    assert f"ask for a RoleBinding to the ClusterRole {RELEASE}-exempter" in create(
        guarded, "ed", raw
    )
    role = f"--clusterrole={RELEASE}-exempter"
    guarded.kubectl("create", "rolebinding", "ed-exempts", "-n", namespace, role, "--user=ed")
    wait_until(lambda: create(guarded, "ed", raw, "--dry-run=server") == "")
    assert create(guarded, "ed", raw) == ""
    assert "denied request" in label(guarded, "ed", "namespace", namespace, f"{IGNORE}=true")


def test_no_subresource_and_no_account_of_the_namespace_exempts(
    guarded: ControlPlane, namespace: str
) -> None:
    raw = deployment("web", namespace=namespace)
    assert create(guarded, "ed", raw) == ""
    exempting = json.dumps({"metadata": {"annotations": {EXEMPT: "duplicate-hpa"}}})
    change = ("patch", "deployment", "web", "-n", namespace, "--type=merge", "-p", exempting)
    for options in ((), ("--subresource=status",)):
        assert "denied request" in said(guarded, "ed", *change, *options)
    # The scale of a workload has no annotations of its own.
    assert said(guarded, "ed", *change, "--subresource=scale") == ""
    stored = guarded.kubectl("get", "deployment", "web", "-n", namespace, "-o", "json").stdout
    assert EXEMPT not in json.loads(stored)["metadata"]["annotations"]

    guarded.kubectl("create", "configmap", "mine", "-n", namespace)
    mine = guarded.kubectl("get", "configmap", "mine", "-n", namespace, "-o", "json").stdout
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "controller": True}
    owner["uid"] = json.loads(mine)["metadata"]["uid"]
    forged = hpa("web", "web", namespace=namespace)
    forged["metadata"] |= {"annotations": {EXEMPT: "duplicate-hpa"}, "ownerReferences": [owner]}
    role = ("--clusterrole=platform-editor", f"--serviceaccount={namespace}:default")
    guarded.kubectl("create", "rolebinding", "account-edits", "-n", namespace, *role)
    account = f"system:serviceaccount:{namespace}:default"
    wait_until(lambda: "cannot create" not in create(guarded, account, forged))
    assert "denied request" in create(guarded, account, forged)


def test_a_pod_is_not_exempted_once_it_is_there(guarded: ControlPlane, namespace: str) -> None:
    wait_until(lambda: create(guarded, "ed", pod(namespace)) == "")
    exempting = json.dumps({"metadata": {"annotations": {EXEMPT: "gpu-node-squatter"}}})
    change = ("patch", "pod", "plain", "-n", namespace, "--type=merge", "-p", exempting)
    for options in ((), ("--subresource=status",)):
        assert "denied request" in said(guarded, "ed", *change, *options)


def pod(namespace: str) -> Raw:
    container = {"name": "app", "image": "app"}
    metadata = {"name": "plain", "namespace": namespace}
    spec = {"containers": [container], "schedulingGates": [{"name": "example.com/later"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_controllers_hand_annotations_on(guarded: ControlPlane, namespace: str) -> None:
    raw = deployment("web", namespace=namespace)
    raw["metadata"]["annotations"] = {EXEMPT: "duplicate-hpa"}
    assert "denied request" in create(guarded, "ed", raw)
    assert create(guarded, "eve", raw) == ""
    wait_until(lambda: len(pods(guarded, namespace)) == 1)
    sets = guarded.kubectl("get", "rs", "-n", namespace, "-o", "json").stdout
    (made,) = json.loads(sets)["items"]
    assert made["metadata"]["annotations"][EXEMPT] == "duplicate-hpa"
    forged = made | {"metadata": {**made["metadata"], "name": "forged", "resourceVersion": None}}
    assert "denied request" in create(guarded, "ed", forged), "nobody else may hand it on"


@pytest.mark.parametrize(
    ("mode", "action", "failure_policy"),
    [("enforce", "Deny", "Fail"), ("warn", "Warn", "Ignore"), ("audit", "Audit", "Ignore")],
)
def test_nothing_is_refused_where_the_mode_refuses_nothing(
    tmp_path: Path, mode: str, action: str, failure_policy: str
) -> None:
    values = ("webhooks.autoscalers.failurePolicy=Fail", f"config.mode={mode}")
    documents = rendered(tmp_path, *values)
    bindings = [one for one in documents if one["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert {one["metadata"]["name"]: one["spec"]["validationActions"] for one in bindings} == {
        f"{RELEASE}-ignore": [action],
        f"{RELEASE}-managed": [action],
    }
    (webhooks,) = [one for one in documents if one["kind"] == "ValidatingWebhookConfiguration"]
    assert webhooks["webhooks"][0]["failurePolicy"] == failure_policy


def test_guards_can_be_left_out(tmp_path: Path) -> None:
    off = ("guards.ignoreLabel=false", "guards.managedLabel=false")
    kinds = {one["kind"] for one in rendered(tmp_path, *off)}
    assert not {kind for kind in kinds if kind.startswith("ValidatingAdmissionPolicy")}


def test_clusters_without_such_policies_are_refused_by_helm(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"requires kubeVersion: >=1\.30\.0-0"):
        rendered(tmp_path, version="1.29.9")
