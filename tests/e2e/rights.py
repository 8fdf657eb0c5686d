"""What an account may do by RBAC, and what it did by the API server's audit log."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.controlplane.cluster import ControlPlane

Raw = dict[str, Any]

_REVIEWS = {"group": "authorization.k8s.io", "resources": ["subjectaccessreviews"]}


class Right(NamedTuple):
    """A verb on a resource; its subresource is part of its name."""

    group: str
    resource: str
    verb: str


class AuditLog:
    """The audit log of an API server: who of a namespace's accounts asked for what."""

    def __init__(self, folder: Path, namespace: str, users: Sequence[str] = ()) -> None:
        """Of `users`, who are no accounts of the namespace, everything is logged as well."""
        self._accounts = f"system:serviceaccount:{namespace}:"
        self._log = folder / "audit.log"
        self._policy = folder / "audit-policy.yaml"
        group = f"system:serviceaccounts:{namespace}"
        policy = {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [
                # Whose right is asked for stands in the body.
                {"level": "Request", "userGroups": [group], "resources": [_REVIEWS]},
                {"level": "Metadata", "userGroups": [group]},
                *({"level": "Metadata", "users": [user]} for user in users),
                {"level": "None"},
            ],
        }
        self._policy.write_text(json.dumps(policy), encoding="utf-8")

    @property
    def arguments(self) -> list[str]:
        """What the API server is started with."""
        return [f"--audit-policy-file={self._policy}", f"--audit-log-path={self._log}"]

    def entries(self, user: str) -> Iterator[Raw]:
        """What was asked as a user, in order; a watch is there twice."""
        with self._log.open(encoding="utf-8") as lines:
            for line in lines:
                # The last one may be half written.
                if line.endswith("\n") and (entry := json.loads(line))["user"]["username"] == user:
                    yield entry

    def used(self, account: str) -> set[Right]:
        """The rights by which an account got what it asked for."""
        used = set()
        for entry in self.entries(self._accounts + account):
            if (about := entry.get("objectRef")) is None or "resource" not in about:
                continue
            names = (about["resource"], *([about["subresource"]] if "subresource" in about else ()))
            right = Right(about.get("apiGroup", ""), "/".join(names), entry["verb"])
            used.add(right)
            # What is applied and was not there is created, for which the API server asks as well.
            if right.verb == "patch" and entry["responseStatus"]["code"] == 201:
                used.add(right._replace(verb="create"))
        return used

    def asked_for(self, account: str, by: str) -> set[Right]:
        """The rights of an account that another one asked for, in SubjectAccessReviews."""
        asked = set()
        for entry in self.entries(self._accounts + by):
            spec = entry.get("requestObject", {}).get("spec", {})
            if spec.get("user") == self._accounts + account:
                about = spec["resourceAttributes"]
                asked.add(Right(about["group"], about["resource"], about["verb"]))
        return asked

    def forbidden(self, account: str) -> list[str]:
        """What was refused to an account by RBAC."""
        return [
            f"{entry['verb']} {entry['requestURI']}"
            for entry in self.entries(self._accounts + account)
            if entry["annotations"].get("authorization.k8s.io/decision") != "allow"
        ]

    def paths(self, account: str) -> set[str]:
        """What an account asked for that is no resource."""
        return {
            entry["requestURI"].partition("?")[0]
            for entry in self.entries(self._accounts + account)
            if "resource" not in entry.get("objectRef", {})
        }


def granted(plane: ControlPlane, namespace: str, account: str) -> set[Right]:
    """What Roles and ClusterRoles that are bound to an account by its name let it do."""
    listed = plane.kubectl("get", "clusterrolebindings,rolebindings", "-A", "-o", "json").stdout
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    rights = set()
    for binding in json.loads(listed)["items"]:
        if subject not in binding.get("subjects", ()):
            continue
        ref = binding["roleRef"]
        place = ("-n", binding["metadata"]["namespace"]) if ref["kind"] == "Role" else ()
        role = json.loads(
            plane.kubectl("get", ref["kind"], ref["name"], *place, "-o", "json").stdout
        )
        rights |= {
            Right(group, resource, verb)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
    return rights
