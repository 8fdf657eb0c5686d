import re
from pathlib import Path
from typing import Any

import pytest

from webhook.config import AuditConfig, Config, CustomConfig, OpaConfig, load, parse
from webhook.core.finding import Action
from webhook.core.kinds import WorkloadClass
from webhook.core.mode import Mode
from webhook.core.profile import DEFAULT_FIGURES, Profiles, cores_and_gib
from webhook.core.quantity import NANOS_PER_UNIT
from webhook.core.record import OF_REQUESTS, RecordKind
from webhook.core.selector import read_selector
from webhook.core.verdict import NamespaceSettings
from webhook.errors import ConfigError
from webhook.namespaces import quoted

NEVER = "is never tolerated: such nodes go, are not ready, are reserved"


def faults(data: Any) -> list[str]:
    """The faults of a configuration, each a line of the message."""
    with pytest.raises(ConfigError) as raised:
        parse(data, "scaleguard.yaml")
    first, *lines = str(raised.value).splitlines()
    assert first == f"scaleguard.yaml: {len(lines)} fault{'s' if len(lines) > 1 else ''}:"
    return [line.removeprefix("  ") for line in lines]


def test_no_file_means_the_defaults() -> None:
    assert load(None) == Config() == parse({}, "x") == parse({"version": 1}, "x")


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "scaleguard.yaml"
    for text in ("", "# nothing\n", "---\n", "{}"):
        path.write_text(text, encoding="utf-8")
        assert load(path) == Config()


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scaleguard.yaml"
    path.write_text("rules: {hpa-no-effect: deny}\ndetection: {byImage: true}\n", encoding="utf-8")
    assert load(path) == Config({"hpa-no-effect": Action.DENY}, detect_by_image=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"rules: [", "not YAML: "),
        (b"a: b: c", "not YAML: "),
        (b"rules: \xff", "cannot be read: "),
        (b"- a", "1 fault:\n  the file: ['a'] is not of type 'object'"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "scaleguard.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(f"{path}: {said}")):
        load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"
    with pytest.raises(ConfigError, match=re.escape(f"{path}: cannot be read: ")):
        load(path)


def test_everything_that_can_be_said() -> None:
    sku = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}
    acme = {
        "name": "Acme",
        "tolerationKey": "acme.com/npu",
        "resources": {"devices": ["acme.com/*"]},
    }
    found = parse(
        {
            "version": 1,
            "rules": {"duplicate-hpa": "warn", "vpa-no-effect": "off"},
            "autoscalers": {
                "strictness": "feedback",
                "gkeHpaRightsizing": True,
                "startupBoost": "deny",
            },
            "policies": {
                "engine": "opa",
                "custom": {"timeoutSeconds": 1, "onFailure": "fail"},
                "opa": {
                    "url": "http://127.0.0.1:8181",
                    "timeoutSeconds": 2,
                    "push": False,
                    "tokenFile": "/run/token",
                },
            },
            "detection": {"byImage": True},
            "accelerators": [acme],
            "requests": {
                "training": {"cpu": 4, "memory": "16Gi"},
                "slice": {"cpu": 0.25, "memory": "1Gi"},
                "sidecar": {"cpu": "100m", "memory": "128Mi"},
            },
            "extraTolerations": [sku],
            "kueue": {"mutateTemplates": True},
            "audit": {"kinds": ["mutation"], "events": False},
            "nodeShapes": [{"name": "g4", "allocatable": {"cpu": "3920m", "nvidia.com/gpu": 1}}],
        },
        "x",
    )
    assert found.actions == {"duplicate-hpa": Action.WARN, "vpa-no-effect": Action.OFF}
    assert (found.strictness, found.gke_rightsizing) == ("feedback", True)
    assert found.startup_boost is Action.DENY
    assert found.opa == OpaConfig(
        "http://127.0.0.1:8181", 2, push=False, token_file=Path("/run/token")
    )
    assert found.custom == CustomConfig(1, "fail")
    assert (found.detect_by_image, found.accelerators) == (True, (acme,))
    profile = found.profiles.base
    assert profile.per_device == {**DEFAULT_FIGURES, WorkloadClass.TRAINING: cores_and_gib(4, 16)}
    assert profile.per_slice == cores_and_gib(0.25, 1)
    assert profile.sidecar == cores_and_gib(0.1, 0.125)
    assert [extra.raw for extra in profile.extra_tolerations] == [sku]
    assert found.mutate_templates
    assert found.audit == AuditConfig(frozenset({RecordKind.MUTATION}), events=False)
    [shape] = found.profiles.node_shapes
    assert shape.name == "g4"
    assert shape.allocatable == {"cpu": 3920 * 10**6, "nvidia.com/gpu": NANOS_PER_UNIT}


def test_what_is_not_said_keeps_its_default() -> None:
    assert parse({"requests": {}}, "x").profiles == Profiles()
    assert not parse({"kueue": {}}, "x").mutate_templates
    assert parse({"audit": {}}, "x").audit == Config().audit == AuditConfig(OF_REQUESTS)
    assert parse({"policies": {}}, "x").custom == CustomConfig(0.2, "ignore")
    opa = parse({"policies": {"engine": "opa", "opa": {"url": "https://opa:8181"}}}, "x").opa
    assert opa == OpaConfig("https://opa:8181", 1.0, push=True, token_file=None)


@pytest.mark.parametrize(
    "policies",
    [
        {},
        {"engine": "embedded"},
        {"opa": {"url": "http://opa"}},
        {"engine": "embedded", "opa": {"url": "http://opa"}},
    ],
)
def test_the_server_is_used_only_where_it_is_the_engine(policies: dict[str, Any]) -> None:
    assert parse({"policies": policies}, "x").opa is None


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (None, "the file: None is not of type 'object'"),
        ([], "the file: [] is not of type 'object'"),
        ({"nope": 1}, "the file: Additional properties are not allowed ('nope' was unexpected)"),
        ({"version": 2}, "version: 2 is not taken: this program takes version 1"),
        ({"version": "1"}, "version: '1' is not taken: this program takes version 1"),
        ({"version": 2, "later": {}}, "version: 2 is not taken: this program takes version 1"),
        (
            {"rules": {"a": "refuse"}},
            "rules.a: 'refuse' is not one of ['deny', 'warn', 'audit', 'off']",
        ),
        ({"mode": "observe"}, "mode: 'observe' is not one of ['enforce', 'warn', 'audit']"),
        (
            {"namespaces": [{"selector": {"matchLabels": {"a": "b"}}}]},
            "namespaces[0]: says nothing: give it a mode or rules",
        ),
        ({"namespaces": [{"mode": "audit"}]}, "namespaces[0]: 'selector' is a required property"),
        (
            {"namespaces": [{"selector": {}, "mode": "audit"}]},
            "namespaces[0].selector: selects every namespace: write it outside of namespaces",
        ),
        (
            {"namespaces": [{"selector": {"matchLabels": {"a": 1}}, "mode": "audit"}]},
            "namespaces[0].selector.matchLabels.a: 1 is not of type 'string'",
        ),
        (
            {"namespaces": [{"selector": {"matchLabels": {"a": "b"}}, "rules": {"x": "refuse"}}]},
            "namespaces[0].rules.x: 'refuse' is not one of ['deny', 'warn', 'audit', 'off']",
        ),
        ({"policies": {"engine": "opa"}}, "policies: 'opa' is a required property"),
        (
            {"policies": {"custom": {"timeoutSeconds": 2, "onFailure": "deny"}}},
            "policies.custom.onFailure: 'deny' is not one of ['ignore', 'fail']",
        ),
        ({"policies": {"opa": {}}}, "policies.opa: 'url' is a required property"),
        ({"requests": {"batch": {"cpu": 1}}}, "requests.batch: 'memory' is a required property"),
        (
            {"requests": {"slice": {"cpu": "two", "memory": 1}}},
            "requests.slice.cpu: 'two' is no quantity (as 500m or 8Gi)",
        ),
        (
            {"requests": {"slice": {"cpu": 1, "memory": "-1Gi"}}},
            "requests.slice.memory: '-1Gi' is no quantity (as 500m or 8Gi)",
        ),
        (
            {"requests": {"slice": {"cpu": True, "memory": 1}}},
            "requests.slice.cpu: True is no quantity (as 500m or 8Gi)",
        ),
        (
            {"requests": {"slice": {"cpu": [], "memory": 1}}},
            "requests.slice.cpu: [] is no quantity (as 500m or 8Gi)",
        ),
        (
            {"nodeShapes": [{"name": "a", "allocatable": {"cpu": "-2"}}]},
            "nodeShapes[0].allocatable.cpu: '-2' is no quantity (as 500m or 8Gi)",
        ),
        ({"nodeShapes": [{"name": "a"}]}, "nodeShapes[0]: 'allocatable' is a required property"),
        ({"accelerators": [{}]}, "accelerators[0]: 'name' is a required property"),
        (
            {"accelerators": [{"name": "a", "resources": {"devices": ["*"]}}]},
            "accelerators[0].resources.devices[0]: '*' does not match '^[^/*]+/.+$'",
        ),
        (
            {"extraTolerations": [{"operator": "Exists"}]},
            "extraTolerations[0]: 'key' is a required property",
        ),
        ({"extraTolerations": [{"key": 5}]}, "extraTolerations[0].key: 5 is not of type 'string'"),
        (
            {"extraTolerations": [{"key": "a", "operator": "Exists", "value": "x"}]},
            "extraTolerations[0].value: '' was expected",
        ),
        (
            {"extraTolerations": [{"key": "a", "tolerationSeconds": 5}]},
            "extraTolerations[0]: 'effect' is a required property",
        ),
        (
            {"extraTolerations": [{"key": "a", "tolerationSeconds": 5, "effect": "NoSchedule"}]},
            "extraTolerations[0].effect: 'NoExecute' was expected",
        ),
        (
            {"extraTolerations": [{"key": "karpenter.sh/disrupted"}]},
            f"extraTolerations[0].key: 'karpenter.sh/disrupted' {NEVER}",
        ),
        (
            {"accelerators": [{"name": "a", "tolerationKey": "node.kubernetes.io/unschedulable"}]},
            f"accelerators[0].tolerationKey: 'node.kubernetes.io/unschedulable' {NEVER}",
        ),
    ],
)
def test_a_fault_says_where_and_what(data: Any, fault: str) -> None:
    assert faults(data) == [fault]


@pytest.mark.parametrize("key", ["", "a b", "/a", "a/", "A.com/x", "-a", "a/b/c", "*"])
def test_a_taint_key_that_kubernetes_would_refuse(key: str) -> None:
    [fault] = faults({"extraTolerations": [{"key": key}]})
    assert fault.startswith(f"extraTolerations[0].key: {key!r} does not match ")


def test_modes_and_namespaces_are_read_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "scaleguard.yaml"
    path.write_text(
        """
mode: audit
namespaces:
  - {selector: {matchLabels: {kubernetes.io/metadata.name: shop}}, mode: enforce}
  - {selector: {matchExpressions: [{key: team, operator: Exists}]}, rules: {a: off, b: warn}}
""",
        encoding="utf-8",
    )
    found = load(path)
    assert found.mode is Mode.AUDIT
    named = read_selector({"matchLabels": {"kubernetes.io/metadata.name": "shop"}})
    teams = read_selector({"matchExpressions": [{"key": "team", "operator": "Exists"}]})
    assert found.namespaces == (
        NamespaceSettings(named, mode=Mode.ENFORCE),
        NamespaceSettings(teams, {"a": Action.OFF, "b": Action.WARN}),
    )


@pytest.mark.parametrize("data", [None, [], {"rules": 1, "namespaces": 2}, {"namespaces": [3]}])
def test_what_is_no_configuration_is_left_to_its_schema(data: Any) -> None:
    assert quoted(data) == data


@pytest.mark.parametrize(
    ("selector", "fault"),
    [
        ({"matchLabels": {"a b": "c"}}, ".matchLabels: 'a b' does not match "),
        ({"matchLabels": {"a": "b c"}}, ".matchLabels.a: 'b c' does not match "),
        ({"matchLabels": {"a": "b" * 64}}, f".matchLabels.a: '{'b' * 64}' does not match "),
        (
            {"matchExpressions": [{"key": "/a", "operator": "Exists"}]},
            ".matchExpressions[0].key: '/a' does not match ",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]},
            ".matchExpressions[0].operator: 'in' is not one of ",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "In"}]},
            ".matchExpressions[0]: 'values' is a required property",
        ),
        ({"matchNames": ["shop"]}, ": Additional properties are not allowed ('matchNames' was"),
    ],
)
def test_a_selector_that_kubernetes_would_refuse(selector: dict[str, Any], fault: str) -> None:
    found = faults({"namespaces": [{"selector": selector, "mode": "audit"}]})
    assert any(one.startswith(f"namespaces[0].selector{fault}") for one in found), found


def test_a_member_that_is_never_reached_is_refused() -> None:
    one = {"key": "team", "operator": "In", "values": ["a"]}
    listed = [
        {"selector": {"matchLabels": {"team": "a"}}, "mode": "audit"},
        {"selector": {"matchLabels": {"team": "b"}}, "mode": "audit"},
        {"selector": {"matchExpressions": [one]}, "mode": "enforce"},
        "team",
    ]
    assert faults({"namespaces": listed}) == [
        "namespaces[2].selector: never reached: namespaces[0] selects the same",
        "namespaces[3]: 'team' is not of type 'object'",
    ]


def test_every_fault_is_listed_at_once_in_a_fixed_order() -> None:
    data = {
        "requests": {"batch": {"cpu": "x", "memory": "y"}},
        "nope": 1,
        "rules": {"a": "b"},
        "nodeShapes": [{"name": "a", "allocatable": {"cpu": "z"}}],
    }
    found = faults(data)
    assert found == sorted(found)
    assert [fault.partition(":")[0] for fault in found] == [
        "nodeShapes[0].allocatable.cpu",
        "requests.batch.cpu",
        "requests.batch.memory",
        "rules.a",
        "the file",
    ]


def test_keys_that_are_no_text_are_refused_too() -> None:
    assert faults({1: 2}) == ["the file: Additional properties are not allowed (1 was unexpected)"]


PATH = "path in an object (as spec.template, spec.roles[].template, spec.replicaSpecs.*.template)"
MODEL = {"group": "ai.example.com", "kind": "Model", "templates": ["spec.template"]}


def test_kinds_of_workloads() -> None:
    whole = MODEL | {
        "plural": "inferers",
        "templates": ["spec.a[].template", {"podSpec": "spec.b.*.pod", "metadata": "../.."}],
        "class": "inference",
        "scale": True,
        "recommendOnly": True,
        "gang": False,
    }
    run = {"group": "ai.example.com", "kind": "Run", "templates": ["pod"], "otherwise": "batch"}
    owner = {"group": "ai.example.com", "kind": "Fleet"}
    assert parse({"workloads": [whole, run, owner]}, "x").workloads == (whole, run, owner)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (
            {"group": "apps.kruise.io", "kind": "CloneSet"},
            ": CloneSet of apps.kruise.io is known without being listed: leave it out",
        ),
        (
            {"group": "keda.sh", "kind": "ScaledObject"},
            ": ScaledObject of keda.sh is an autoscaler, and makes no pods",
        ),
        (
            {"group": "acme"},
            ".group: 'acme' is no API group of custom resources (as ai.example.com)",
        ),
        ({"kind": "model"}, ".kind: 'model' is no kind (as Model)"),
        ({"plural": "Models"}, ".plural: 'Models' is no name of a resource (as models)"),
        (
            {"class": "serving"},
            ".class: 'serving' is not one of ['training', 'inference', 'notebook', 'batch']",
        ),
        *(
            ({"templates": [path]}, f".templates[0]: '{path}' is no {PATH}")
            for path in ("", "spec..template", "*.template", "template.", "[]", "spec/template")
        ),
        ({"templates": [1]}, ".templates[0]: 1 is not of type 'string', 'object'"),
        ({"templates": [{}]}, ".templates[0]: 'podSpec' is a required property"),
        ({"templates": []}, ".templates: [] should be non-empty"),
        (
            {"templates": [{"podSpec": "spec", "metadata": "../.."}]},
            ".templates[0].metadata: ../.. above spec is outside of the object",
        ),
        ({"noVpa": "x"}, ": Additional properties are not allowed ('noVpa' was unexpected)"),
    ],
)
def test_kinds_of_workloads_that_are_refused(changed: dict[str, Any], fault: str) -> None:
    assert faults({"workloads": [MODEL | changed]}) == [f"workloads[0]{fault}"]


def test_what_can_be_scaled_says_where_its_pods_stand() -> None:
    owner = {"group": "ai.example.com", "kind": "Fleet", "scale": True}
    assert faults({"workloads": [owner]}) == ["workloads[0]: 'templates' is a required property"]


def test_a_kind_is_listed_once() -> None:
    other = MODEL | {"class": "training"}
    assert faults({"workloads": [MODEL, other, "Model"]}) == [
        "workloads[1]: Model of ai.example.com is listed already: workloads[0]",
        "workloads[2]: 'Model' is not of type 'object'",
    ]
