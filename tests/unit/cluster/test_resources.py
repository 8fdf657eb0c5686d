"""The table of resources against the catalogue, and the rights against the table."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from webhook.cluster.errors import ApiError
from webhook.cluster.resources import (
    HPAS,
    LEASES,
    NAMESPACES,
    between,
    targets,
    templates,
)
from webhook.cluster.rights import Right, controller_rights, webhook_rights
from webhook.core.objects import GroupKind
from webhook.knowledge import FOLDER, knowledge

ROOT = Path(__file__).resolve().parents[3]
KINDS = knowledge().kinds
OWNER = {"group": "ai.example.com", "kind": "Fleet", "plural": "fleet"}
PODS = {GroupKind("", "Pod"), GroupKind("", "PodTemplate")}


def catalogue() -> list[dict[str, Any]]:
    text = (FOLDER / "workloads.yaml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)["kinds"]
    return found


def test_targets_are_the_kinds_that_can_be_scaled() -> None:
    scalable = {
        GroupKind(entry["group"], entry["kind"])
        for entry in catalogue()
        if entry.get("scale") or entry.get("wellKnown")
    }
    assert set(targets(KINDS)) == scalable
    assert between(KINDS) == (GroupKind("kaito.sh", "Workspace"),)


def test_every_kind_of_the_catalogue_is_listed_once() -> None:
    everything = {GroupKind(entry["group"], entry["kind"]) for entry in catalogue()}
    listed = targets(KINDS) + templates(KINDS)
    assert set(listed) == everything - PODS
    assert len(set(listed)) == len(listed)


def test_kinds_of_the_configuration_are_listed_after_those_of_the_catalogue() -> None:
    model = {"group": "ai.example.com", "kind": "Model", "templates": ["spec.template"]}
    known = knowledge((), [model | {"scale": True}, model | {"kind": "Pool"}, OWNER]).kinds
    named = [GroupKind("ai.example.com", kind) for kind in ("Model", "Pool", "Fleet")]
    assert targets(known) == (*targets(KINDS), named[0])
    assert between(known) == (*between(KINDS), *named[1:])
    assert templates(known) == (*templates(KINDS), named[1])
    assert [known.plural(kind) for kind in named] == ["models", "pools", "fleet"]
    assert known.plural(GroupKind("", "Secret")) == "secrets"


def given(file: str) -> dict[tuple[str, str], set[str]]:
    """The rights of a role of the tests, by group and resource."""
    role = yaml.safe_load((ROOT / "tests" / "e2e" / file).read_text(encoding="utf-8"))
    rights: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rule in role["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                rights[group, resource] |= set(rule["verbs"])
    return rights


def used(rights: Iterable[Right]) -> dict[tuple[str, str], set[str]]:
    """The same of a program; of Leases it reads and writes by name those that it may create."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in rights:
        found[one.group, one.resource].add(one.verb)
    found[LEASES.group, LEASES.plural] |= {"get", "update"}
    return found


def test_rights_are_those_that_are_used() -> None:
    assert given("rbac.yaml") == used(webhook_rights(KINDS))


def test_rights_of_the_controller_are_those_that_are_used() -> None:
    assert given("controller_rbac.yaml") == used(controller_rights(KINDS, scans=True))
    alone = set(controller_rights(KINDS, scans=False))
    assert not [right for right in alone if right.resource == "services"]


def test_paths() -> None:
    assert HPAS.path() == "/apis/autoscaling/v2/horizontalpodautoscalers"
    assert HPAS.path("a", "b") == "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/b"
    assert NAMESPACES.path("ignored", "a:b") == "/api/v1/namespaces/a%3Ab"
    assert (str(HPAS), str(NAMESPACES)) == ("horizontalpodautoscalers.autoscaling", "namespaces")


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "a%2Fb", "a\\b", "a\nb", "a" * 254])
def test_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ApiError) as raised:
        HPAS.path("a", name)
    assert raised.value.label == "bad_name"
