"""Run a case the way the webhook would, and compare with what it expects."""

import copy
import json
from typing import Any

import jsonpatch

from tests.cases.case import Case, label, ref_label
from webhook.core.classify import made_by
from webhook.core.decide import Decision, Judge, mutate, validate
from webhook.core.encode import encode
from webhook.core.finding import strongest
from webhook.core.frameworks.places import Template
from webhook.core.kinds import Kind, templates
from webhook.core.objects import DEFAULT_NAMESPACE, POD, controller, reference
from webhook.core.patch import dotted
from webhook.core.review import Request, read_review
from webhook.core.world import World, read_autoscaler

CONTROLLER = "system:serviceaccount:kube-system:replicaset-controller"
"""Who makes what has an owner."""


def review_of(raw: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
    """The AdmissionReview by which an API server would ask about an object."""
    ref = reference(raw)
    group, _, version = ref.api_version.rpartition("/")
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": f"case-{label(raw)}",
            "kind": {"group": group, "version": version, "kind": ref.kind},
            "resource": {"group": group, "version": version, "resource": f"{ref.kind.lower()}s"},
            "name": ref.name or "",
            "namespace": ref.namespace,
            "operation": "CREATE" if old is None else "UPDATE",
            "userInfo": {"username": "jane" if controller(raw) is None else CONTROLLER},
            "object": raw,
            "oldObject": old,
            "dryRun": False,
        },
    }


FINDING_KEYS = {"action", "findings"}
_ON_AUTOSCALERS = ("hpa-", "vpa-", "duplicate-")
_MARKS = {"labels", "annotations"}
POD_KEYS = {"workload", "tolerations", "requests", "patch", "notes", "would"}


def check(case: Case, judge: Judge) -> None:
    """Judge every object of a case by admission, and compare."""
    assert_names(case)
    seen: list[str] = []
    for raw in filter(case.is_requested, case.objects):
        expected = case.expected.get(label(raw), {})
        # Admission never finds the object itself in its world unless it is an update.
        others = [other for other in case.objects if other is not raw]
        old = case.old(raw)
        world = World.of(others if old is None else [*others, old], judge.knowledge.kinds)
        request = read_review(json.loads(json.dumps(review_of(raw, old))))
        is_autoscaler = read_autoscaler(raw) is not None
        if is_autoscaler or FINDING_KEYS & set(expected):
            decision = validate(request, world, judge)
            assert_findings(case, label(raw), decision, expected)
            assert_response(request, decision)
            seen += [finding.action.value for finding in decision.findings]
            if is_autoscaler or not POD_KEYS & set(expected):
                continue
        if request.group_kind == POD:
            decisions = {label(raw): (raw, mutate(request, world, judge))}
        else:
            decisions = of_templates(case, raw, world, judge)
        for name, (pod, decision) in decisions.items():
            assert_pod(name, pod, decision, case.expected.get(name, {}))
            if decision.patch:
                seen.append("fit")
    assert case.verdict == verdict(case, seen), f"{case.name}: seen: {seen}"


def verdict(case: Case, seen: list[str]) -> str:
    """The verdict that the name of a case has to have: fit or leave where it is about pods."""
    if case.verdict in {"fit", "leave"}:
        return "fit" if "fit" in seen else "leave"
    return next((action for action in ("deny", "warn", "audit") if action in seen), "allow")


def assert_names(case: Case) -> None:
    """What a case expects has a name that something reads: a typo would pass for ever."""
    objects = {label(raw): raw for raw in case.objects}
    named = {name.partition("#")[0] for name in case.expected}
    requested = {case.header["request"]} if "request" in case.header else set()
    unknown = (named | requested | set(case.header.get("old") or {})) - set(objects)
    assert not unknown, f"{case.name}: objects that are not in the case: {unknown}"
    silent = requested and named - requested
    assert not silent, f"{case.name}: objects that nobody writes say nothing: {silent}"
    both = {name.partition("#")[0] for name in case.expected if "#" in name} & set(case.expected)
    assert not both, f"{case.name}: an object goes by its name or by its paths: {both}"
    for name, expected in case.expected.items():
        is_pod = read_autoscaler(objects[name.partition("#")[0]]) is None
        unread = set(expected) - FINDING_KEYS - (POD_KEYS if is_pod else set())
        assert not unread, f"{case.name}: {name}: unknown keys: {unread}"


def assert_findings(case: Case, name: str, decision: Decision, expected: dict[str, Any]) -> None:
    found = [finding.as_json() for finding in decision.findings]
    wanted = expected.get("findings", [])
    shown = "\n".join(json.dumps(finding, ensure_ascii=False) for finding in found)
    where = f"{case.name}: {name}: found:\n{shown or 'nothing'}"
    assert len(found) == len(wanted), where
    for finding, want in zip(found, wanted, strict=True):
        # Two versions of one object share what is expected, and no sentence fits both.
        is_told = {"message", "remedy"} <= set(want) or case.is_twice(name)
        asked = finding["rule"].startswith(_ON_AUTOSCALERS)
        assert is_told or not asked, f"{where}\nwrite down the sentence and its remedy"
        finding["related"] = [ref_label(ref) for ref in finding["related"]]
        assert want.get("fix") is None or "fix" in finding, where
        finding["fix"] = finding["fix"]["patch"] if "fix" in finding else None
        for key, value in want.items():
            assert finding[key] == value, f"{where}\n{key}: expected {value!r}"
    if "action" in expected:
        assert strongest(decision.findings) == expected["action"], where


def assert_response(request: Request, decision: Decision) -> None:
    """What the API server would receive says the same as the decision."""
    response = encode(request, decision)["response"]
    assert response["uid"] == request.uid
    denied = [finding for finding in decision.findings if finding.action == "deny"]
    assert response["allowed"] is (not denied)
    for finding in denied:
        assert finding.sentence() in response["status"]["message"]
    warned = [finding for finding in decision.findings if finding.action == "warn"]
    notes = [f"scaleguard: {note}" for note in decision.notes if decision.mode.acts]
    assert response.get("warnings", []) == [finding.sentence() for finding in warned] + notes
    told = response.get("auditAnnotations", {})
    assert told.get("would") == decision.would
    for finding in decision.findings:
        assert (finding.sentence() in told.get("findings", "")) is (finding.action == "audit")


def of_templates(
    case: Case, raw: dict[str, Any], world: World, judge: Judge
) -> dict[str, tuple[dict[str, Any], Decision]]:
    """The templates of an object that a case is about, and what `review` would say of each.

    One template goes by the name of its object, several by that and their path; an object that
    makes no pod at all is expected to be none.
    """
    ref, name = reference(raw), label(raw)
    named = {each for each in case.expected if each.partition("#")[0] == name}
    if not named:
        return {}
    kind = judge.knowledge.kinds.get(ref.group_kind)
    assert kind is not None, f"{name} is never judged: neither autoscaler, pod nor template"
    listed = templates(kind, raw)
    if name in named:
        assert len(listed) <= 1, f"{name} has several templates: name them {name}#path"
        names = [name for _ in listed]
    else:
        names = [f"{name}#{dotted(template.path)}" for template in listed]
        assert named <= set(names), f"{name} has these templates: {names}"
    return {
        each: (dict(template.raw), of_template(raw, kind, template, world, judge))
        for each, template in zip(names, listed, strict=True)
    }


def of_template(
    raw: dict[str, Any], kind: Kind, template: Template, world: World, judge: Judge
) -> Decision:
    """What `review` would say of one template; its patch must fit into the object, too."""
    ref = reference(raw)
    fitted = judge.fitted(template.raw, made_by(raw), ref.namespace or DEFAULT_NAMESPACE, world)
    ai_pod, fitting = fitted or (None, None)
    patch = fitting.patch if fitting is not None else []
    placed = template.placed(patch)
    if template.assembled:
        assert placed == [], "an assembled pod has no place in its object"
    else:
        patched = jsonpatch.apply_patch(copy.deepcopy(raw), placed)
        (again,) = [one for one in templates(kind, patched) if one.path == template.path]
        pod = jsonpatch.apply_patch(copy.deepcopy(dict(template.raw)), patch)
        # KServe has labels and annotations within the spec.
        found = {key: value for key, value in again.raw["spec"].items() if key not in _MARKS}
        wanted = {key: value for key, value in pod["spec"].items() if key not in _MARKS}
        assert found == wanted, "the patch of the object does something else"
        if template.parts is None or "metadata" in template.parts:
            assert again.raw.get("metadata") == pod.get("metadata")
    return Decision(allowed=True, ai_pod=ai_pod, fitting=fitting)


def assert_pod(
    name: str, raw: dict[str, Any], decision: Decision, expected: dict[str, Any]
) -> None:
    workload = decision.ai_pod.as_json() if decision.ai_pod is not None else None
    wanted = expected.get("workload")
    assert (workload is None) == (wanted is None), f"{name}: {workload}, expected {wanted}"
    for key, value in (wanted or {}).items():
        assert workload is not None
        assert workload[key] == value, f"{name}: workload {workload}"
    patch = decision.patch
    assert decision.would == expected.get("would"), name
    fitted = jsonpatch.apply_patch(copy.deepcopy(raw), patch)
    assert added_tolerations(raw, fitted) == expected.get("tolerations", []), patch
    assert added_requests(raw, fitted) == expected.get("requests", {}), patch
    if "patch" in expected:
        assert patch == expected["patch"]
    if "notes" in expected:
        assert decision.fitting is not None
        assert list(decision.fitting.notes) == expected["notes"]


def added_tolerations(raw: dict[str, Any], fitted: dict[str, Any]) -> list[Any]:
    """The tolerations that were added; our own kind is told by its key alone."""
    before = raw["spec"].get("tolerations") or []
    after = fitted["spec"].get("tolerations") or []
    assert after[: len(before)] == before, "tolerations that were there are kept, in their order"
    return [
        toleration["key"]
        if toleration == {"key": toleration["key"], "operator": "Exists", "effect": "NoSchedule"}
        else toleration
        for toleration in after[len(before) :]
    ]


def added_requests(raw: dict[str, Any], fitted: dict[str, Any]) -> dict[str, dict[str, str]]:
    added: dict[str, dict[str, str]] = {}
    for plural in ("containers", "initContainers"):
        pairs = zip(raw["spec"].get(plural) or [], fitted["spec"].get(plural) or [], strict=True)
        for before, after in pairs:
            had = (before.get("resources") or {}).get("requests") or {}
            has = (after.get("resources") or {}).get("requests") or {}
            assert {key: has[key] for key in had} == had, "what was set is never changed"
            new = {key: value for key, value in has.items() if key not in had}
            if new:
                added[after["name"]] = new
    return added
