"""Write down for the chart which workloads the API server asks about, from the catalogue of kinds.

    python scripts/chart_workloads.py

A rule for a CRD that is not installed matches nothing, so all kinds are listed always.
"""

from collections import defaultdict
from pathlib import Path

import yaml

from webhook.core.kinds import plural
from webhook.core.objects import GroupKind, reference

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "webhook" / "catalogue" / "workloads.yaml"
TARGET = ROOT / "charts" / "scaleguard" / "files" / "workloads.yaml"

HEADER = """\
# Made by scripts/chart_workloads.py from webhook/catalogue/workloads.yaml. Pods are not among them:
# about those the API server asks when they are created, in more than one webhook.
"""

CONDITION = """\
matchConditions:
  # A ReplicaSet of a Deployment is judged by what a person wrote, where the warning is read. An
  # owner that a person names counts for nothing, nor one by an account of the same namespace.
  # Bounded, because the API server gives conditions a quarter of a second.
  - name: not-made-by-a-workload
    expression: |-
      !has(object.metadata.ownerReferences) ||
      object.metadata.ownerReferences.size() > 64 ||
      !request.userInfo.username.startsWith("system:") ||
      request.userInfo.username.startsWith(
        "system:serviceaccount:" + request.?namespace.orValue("") + ":") ||
      !object.metadata.ownerReferences.exists(owner,
        has(owner.controller) && owner.controller == true &&
        has(owner.apiVersion) && has(owner.kind) &&
        (owner.apiVersion.contains("/") ? owner.apiVersion.split("/")[0] : "") +
        "/" + owner.kind in [
          {makers}
        ])
"""


def workloads() -> str:
    """Return the file as it has to be: kinds with templates, which are all that can be judged."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    kinds = judged()
    for kind in kinds:
        groups[kind.group, _scope(kind)].append(plural(kind.kind))
    rules = (_rule(group, scope, names) for (group, scope), names in sorted(groups.items()))
    makers = sorted(f'"{kind.group}/{kind.kind}"' for kind in kinds)
    condition = CONDITION.format(makers=",\n          ".join(makers))
    return f"{HEADER}rules:\n{''.join(rules)}{condition}"


def judged() -> list[GroupKind]:
    """Return the kinds of the catalogue that have templates; pods are none."""
    listed = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["kinds"]
    return [GroupKind(one["group"], one["kind"]) for one in listed if any(one["templates"])]


def _scope(kind: GroupKind) -> str:
    raw = {"apiVersion": f"{kind.group}/v1" if kind.group else "v1", "kind": kind.kind}
    return "Namespaced" if reference(raw).namespace is not None else "Cluster"


def _rule(group: str, scope: str, names: list[str]) -> str:
    shown = group or '""'
    return f"""\
  - apiGroups: [{shown}]
    apiVersions: ["*"]
    resources: [{", ".join(sorted(names))}]
    operations: [CREATE, UPDATE]
    scope: {scope}
"""


if __name__ == "__main__":
    TARGET.write_text(workloads(), encoding="utf-8")
