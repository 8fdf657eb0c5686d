"""The tables of what scaleguard knows and writes are those of the code."""

import json
import re

import yaml

from tests.unit.docs.pages import DOCS, NOTHING, PAGES, ROOT, blocks, rows, scaleguard, tables
from webhook.audit.current import LEFT_OUT_ANNOTATION
from webhook.core import objects
from webhook.core.classify import CLASS_KEY
from webhook.core.mutations import marks
from webhook.core.profile import PROFILE_ANNOTATION
from webhook.core.vpa_plan.manifest import WHYS
from webhook.core.vpa_plan.terms import VPA_ANNOTATION


def test_the_table_of_container_policies_is_so() -> None:
    table = next(table for table in tables(DOCS / "concepts.md") if "containerName" in table[1][0])
    assert len(table) > 5
    for policies, said in table:
        judged = json.loads(
            scaleguard("review", "-", "-o", "json", stdin=meeting(policies.strip("`")))[1]
        )
        found = [each for result in judged["results"][1:2] for each in result["findings"]]
        conflicts = [each for each in found if each["rule"] == "hpa-vpa-same-metric"]
        names = ", ".join(conflicts[0]["containers"]) if conflicts else NOTHING
        assert names == said, policies


def meeting(policies: str) -> str:
    """A Deployment with two containers, its HPA on cpu, and a VPA with these policies."""
    target = "{apiVersion: apps/v1, kind: Deployment, name: web}"
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec: {{template: {{spec: {{containers: [{{name: app}}, {{name: istio-proxy}}]}}}}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec: {{scaleTargetRef: {target}, maxReplicas: 9}}
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {{name: web}}
spec: {{targetRef: {target}, resourcePolicy: {{containerPolicies: {policies}}}}}
"""


def test_accelerators_and_kinds_are_those_of_the_catalogue() -> None:
    folder = ROOT / "webhook" / "catalogue"
    families = yaml.safe_load((folder / "accelerators.yaml").read_text("utf-8"))["families"]
    documented = {row[0]: row for row in rows(DOCS / "concepts.md") if len(row) == 3}
    for family in families:
        assert family["name"] in documented, family["name"]
        key = family.get("tolerationKey")
        assert documented[family["name"]][1] == (f"`{key}`" if key else NOTHING), family["name"]
    for kind in yaml.safe_load((folder / "workloads.yaml").read_text("utf-8"))["kinds"]:
        column = "class" if "class" in kind else "otherwise"
        if column in kind:
            where = documented[f"`{kind[column]}`"][1 if column == "class" else 2]
            assert re.search(rf"\b{kind['kind']}\b", where), kind


def test_labels_and_annotations_that_are_named_exist_and_all_are_explained() -> None:
    policies = (ROOT / "charts/scaleguard/templates").glob("validatingadmissionpolicy-*.yaml")
    guarded = {
        name
        for policy in policies
        for name in re.findall(r'"(scaleguard\.io/[a-z-]+)"', policy.read_text("utf-8"))
    }
    assert len(guarded) == 3
    known = guarded | {
        CLASS_KEY,
        PROFILE_ANNOTATION,
        objects.EXEMPT_ANNOTATION,
        objects.IGNORE_LABEL,
        marks.CLASS_LABEL,
        marks.MUTATIONS_ANNOTATION,
        objects.MANAGED_LABEL,
        objects.UNMANAGED_ANNOTATION,
        objects.ROTATE_ANNOTATION,
        VPA_ANNOTATION,
        LEFT_OUT_ANNOTATION,
        *WHYS,
    }
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?<!autoscalers\.)scaleguard\.io/[a-z-]+", page.read_text("utf-8"))
    }
    assert named == known
    explained = {
        name for row in rows(DOCS / "concepts.md") for name in re.findall(r"`([^`]+)`", row[0])
    }
    assert known <= explained


def test_every_field_of_the_json_is_explained_and_no_other() -> None:
    page = DOCS / "review-json.md"
    whole, *others = (json.loads(block.text) for block in blocks(page) if block.get("json"))
    results = [*whole["results"], *others]
    findings = [finding for result in results for finding in result["findings"]]
    levels = [[whole], [whole["summary"]], results, findings]
    explained = [
        {name for row in table for name in re.findall(r"`(\w+)`", row[0])} for table in tables(page)
    ]
    assert explained == [{key for value in level for key in value} for level in levels]
