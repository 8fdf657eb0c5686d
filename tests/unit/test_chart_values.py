"""The chart's files agree with each other and with the program, without helm."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import chart_pods, chart_values, chart_workloads
from scripts.chart_schema import TARGET, embedded
from webhook.audit.serving.access import RESOURCE
from webhook.cluster import resources
from webhook.cluster.fresh import RESOURCES
from webhook.cluster.leases import NAME as LEASE_NAME
from webhook.controller.report_forms import FORMS
from webhook.core.kinds import plural
from webhook.core.objects import POD
from webhook.core.shard import SHARDS
from webhook.knowledge import knowledge

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "scaleguard"
SCHEMA: dict[str, Any] = json.loads(TARGET.read_text(encoding="utf-8"))
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


def test_the_schema_of_the_configuration_is_the_programs_own() -> None:
    assert embedded() == SCHEMA, "run: python scripts/chart_schema.py"


def closed(schema: Any, place: str) -> Iterator[str]:
    """Yield where a schema takes an object with members that it does not know."""
    if not isinstance(schema, dict):
        return
    if "properties" in schema and schema.get("additionalProperties") is not False:
        yield place
    for name, member in schema.get("properties", {}).items():
        yield from closed(member, f"{place}.{name}")
    yield from closed(schema.get("items"), f"{place}[]")


def test_every_object_of_the_schema_is_closed() -> None:
    assert list(closed(SCHEMA, "values")) == []


def leaves(values: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in {"resources", "minAllowed"}:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def test_every_value_has_a_default_and_every_default_is_in_the_schema() -> None:
    def known(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        for name, member in schema["properties"].items():
            if "properties" in member and name not in {"resources", "config"}:
                yield from known(member, (*path, name))
            else:
                yield (*path, name)

    assert set(known(SCHEMA)) - {("global",)} == set(leaves(VALUES))


def test_every_value_is_commented() -> None:
    lines = (CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        # What has members of its own is said by theirs; amounts of resources speak for themselves.
        if re.match(r" *[A-Za-z]+: \S", line) and not re.match(r" +(cpu|memory):", line):
            assert lines[number - 1].lstrip().startswith("#"), f"values.yaml:{number + 1}: {line}"


def test_the_table_of_values_in_the_readme_is_made_of_them() -> None:
    written = chart_values.TARGET.read_text(encoding="utf-8")
    assert written == chart_values.readme(), "run: python scripts/chart_values.py"
    named = {
        tuple(name.split(".")) for name in re.findall(r"^\| `([\w.]+)` \|", written, re.MULTILINE)
    }
    amounts = {"requests", "limits"}
    for leaf in leaves(VALUES):
        rows = {(*leaf, amount) for amount in amounts} if leaf[-1] == "resources" else {leaf}
        assert rows <= named


def test_the_table_of_connections_has_every_value_of_the_network_policies() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    section = page.partition("\n## Network policies\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| .* \| (.*) \| `networkPolicy\.(\w+)` \|$", section, re.MULTILINE)
    values = VALUES["networkPolicy"]
    assert {name for _, name in rows} == values.keys() - {"enabled"}
    for place, name in rows:
        value = values[name]
        ports = [value["port"]] if isinstance(value, dict) else [*value]
        assert re.findall(r"\d+", place) == [str(port) for port in ports]


def test_ca_bundles_are_not_templated() -> None:
    for path in (CHART / "templates").glob("*.yaml"):
        assert "caBundle:" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(CHART.glob("templates/*.yaml")), ids=lambda path: path.stem)
def test_a_template_makes_one_object_and_is_named_after_it(path: Path) -> None:
    kinds = re.findall(r"^kind: (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    # Where there are several of a kind, what for comes behind it.
    named = [] if path.stem == "extramanifests" else [path.stem.partition("-")[0]]
    assert [kind.lower() for kind in kinds] == named


Right = tuple[str, str, str]


def granted(name: str) -> set[Right]:
    """What a role of the chart grants without configuration: group, resource, verb."""
    template = (CHART / "templates" / name).read_text(encoding="utf-8")
    rules = template.partition("\nrules:\n")[2].removesuffix("{{- end }}\n")
    fixed = re.sub(r"\n  \{\{- range .*?\n  \{\{- end \}\}", "", rules, flags=re.DOTALL)
    fixed = re.sub(r"\n  \{\{- (?:if .*?|end) \}\}", "", fixed)  # with all that may be switched on
    return rights(yaml.safe_load(re.sub(r"\{\{.*?\}\}", "x", fixed)))


def rights(rules: list[dict[str, Any]]) -> set[Right]:
    return {
        (group, resource, verb)
        for rule in rules
        if "resourceNames" not in rule
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_role_grants_what_the_program_reads_and_no_more() -> None:
    watched = {
        (one.group, one.plural, verb)
        for one in (*resources.WATCHED, *resources.FOLLOWED)
        for verb in ("list", "watch")
    }
    known = knowledge().kinds
    read_one_by_one = (*resources.targets(known), *resources.between(known), *resources.CLAIMS)
    fetched = {(one.group, plural(one.kind), "get") for one in read_one_by_one}
    confirmed = {(one.group, one.plural, "get") for one in RESOURCES.values()}
    told = {("", "events", verb) for verb in ("get", "create", "patch")}
    assert granted("clusterrole.yaml") == watched | fetched | confirmed | told


def test_the_controllers_roles_are_those_that_the_tests_give_it() -> None:
    tested = yaml.safe_load((ROOT / "tests/e2e/controller_rbac.yaml").read_text(encoding="utf-8"))
    leases = {("coordination.k8s.io", "leases", verb) for verb in ("get", "create", "update")}
    assert granted("clusterrole-controller.yaml") == rights(tested["rules"]) - leases
    assert granted("role-controller.yaml") == {("coordination.k8s.io", "leases", "create")}


def test_what_the_controller_may_for_reports_is_what_the_tests_give_it() -> None:
    tested = yaml.safe_load((ROOT / "tests/e2e/reports_rbac.yaml").read_text(encoding="utf-8"))
    kinds = {
        (kind.group, plural(kind.kind), verb)
        for form in FORMS
        for kind in form.kinds
        for verb in ("list", "create", "patch", "delete")
    }
    read = {("scaleguard.io", RESOURCE, "list")}
    assert granted("clusterrole-reports.yaml") == rights(tested["rules"]) == kinds | read


@pytest.mark.parametrize("name", ["lease.yaml", "role.yaml"])
def test_the_leases_are_those_that_the_program_writes(name: str) -> None:
    template = (CHART / "templates" / name).read_text(encoding="utf-8")
    assert re.findall(r"until (\d+)", template) == [str(SHARDS)]
    assert f'{LEASE_NAME}-{{{{ printf "%02d" $number }}}}' in template


def test_the_workloads_that_are_asked_about_are_those_of_the_catalogue() -> None:
    written = chart_workloads.TARGET.read_text(encoding="utf-8")
    assert written == chart_workloads.workloads(), "run: python scripts/chart_workloads.py"


def test_every_kind_that_can_be_judged_is_asked_about_once_and_so_is_what_it_makes() -> None:
    file = yaml.safe_load(chart_workloads.TARGET.read_text(encoding="utf-8"))
    asked = [
        (group, resource)
        for rule in file["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]
    assert len(asked) == len(set(asked)) > 30
    kinds = chart_workloads.judged()
    assert set(asked) == {(kind.group, plural(kind.kind)) for kind in kinds}
    known = [knowledge().kinds.get(kind) for kind in kinds]
    assert POD not in kinds
    assert all(kind is not None and kind.templates for kind in known)
    (condition,) = file["matchConditions"]
    makers = re.findall(r'"([^"]*/[A-Z]\w+)"', condition["expression"])
    assert set(makers) == {f"{kind.group}/{kind.kind}" for kind in kinds}


def test_the_pods_that_are_asked_about_whatever_they_ask_for_are_those_of_the_catalogue() -> None:
    written = chart_pods.TARGET.read_text(encoding="utf-8")
    assert written == chart_pods.pods(), "run: python scripts/chart_pods.py"


def test_kinds_labels_and_words_that_make_ai_pods_are_asked_about() -> None:
    file = yaml.safe_load(chart_pods.TARGET.read_text(encoding="utf-8"))
    kinds = knowledge().kinds
    classed = {"/".join(kind.group_kind) for kind in kinds if kind.workload_class is not None}
    assert set(file["owners"]) == classed
    for label in kinds.labels:
        listed = file["labels"] if label.value is None else file["values"][label.key]
        assert (label.value or label.key) in listed
    # They stand in a regular expression as they are.
    assert all(re.fullmatch("[a-z/-]+", word) for word in file["words"])
    assert all(any(each.words.fullmatch(word) for each in kinds.images) for word in file["words"])


def test_rules_ask_about_whole_objects_in_all_versions() -> None:
    for rule in yaml.safe_load(chart_workloads.TARGET.read_text(encoding="utf-8"))["rules"]:
        assert rule["apiVersions"] == ["*"]
        assert rule["operations"] == ["CREATE", "UPDATE"]
        assert all(re.fullmatch("[a-z]+", resource) for resource in rule["resources"])
