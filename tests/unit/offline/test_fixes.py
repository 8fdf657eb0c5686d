"""Fixes of a review: what is written, what is left alone, and that the finding is gone."""

import json
from collections.abc import Iterable, Mapping

import pytest
import yaml

from tests.unit.offline.manifests import DEPLOYMENT, HPA, SCALED_OBJECT, VPA, stream
from webhook import config as configuration
from webhook.manifests import Entry
from webhook.manifests.paths import decode
from webhook.manifests.reading import read_text
from webhook.offline.fixes import CHANGED, Fixing
from webhook.offline.judge import review
from webhook.offline.results import Review
from webhook.wiring import build_judge

JUDGE = build_judge(configuration.Config())

MEMORY_HPA = HPA.replace("name: web}\nspec", "name: second}\nspec").replace("cpu", "memory")

BLOCK_VPA = """\
# who: team a
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata:
    name:   web   # odd spaces
spec:
    targetRef: {apiVersion: apps/v1, kind: Deployment, name: 'web'}
    updatePolicy:
        updateMode: "Recreate"

    resourcePolicy:
        containerPolicies:
        -   containerName: '*'
            controlledResources:
            - cpu       # until load tests
            - memory
            # nothing else
        # a last word
"""

UNQUOTED_POLICY = """\
        -   containerName: istio-proxy
            mode: Off
"""


def fixing(
    files: Mapping[str, str | bytes], now: Mapping[str, bytes] | None = None
) -> tuple[Fixing, Review]:
    """Fix files in memory; `now` is what they hold when they are read again."""
    contents = {
        name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()
    }

    def again(entries: Iterable[Entry]) -> Review:
        return review(entries, JUDGE)

    entries: dict[str, list[Entry]] = {
        name: list(read_text(decode(content), name)) for name, content in contents.items()
    }
    made = Fixing(entries, lambda name: {**contents, **(now or {})}[name], again)
    judged = again(entry for some in entries.values() for entry in some)
    return made, made.run(judged)


def fixed(text: str | bytes, name: str = "a.yaml") -> str:
    """The text of one file after it was fixed, which took all of its findings away."""
    made, after = fixing({name: text})
    assert not made.left
    assert after.count("allow") == len(after.results)
    again, _ = fixing({name: made.after[name]})
    assert not again.made
    assert not again.changed
    return made.after[name].decode()


def left(files: Mapping[str, str | bytes], now: Mapping[str, bytes] | None = None) -> list[str]:
    """Why nothing was fixed."""
    made, after = fixing(files, now)
    assert not made.made
    assert not made.changed
    assert after.count("deny")
    return [str(one) for one in made.left.values()]


# ---------------------------------------------------------------- what is written


def test_a_policy_is_added_and_nothing_else_changes() -> None:
    before = stream(DEPLOYMENT, HPA, VPA)
    assert fixed(before) == before + (
        "  resourcePolicy:\n"
        "    containerPolicies:\n"
        '      - containerName: "*"\n'
        "        controlledResources: [memory]\n"
    )


def test_lists_are_indented_as_elsewhere_in_the_document() -> None:
    vpa = VPA.replace("metadata: {name: web}", "metadata:\n  name: web\n  finalizers:\n  - x.y/z")
    assert '\n    containerPolicies:\n    - containerName: "*"\n      controlled' in fixed(
        stream(HPA, vpa)
    )


def test_a_line_is_taken_out_of_a_list() -> None:
    before = stream(HPA) + "---\n" + BLOCK_VPA
    assert fixed(before) == before.replace("            - cpu       # until load tests\n", "")


def test_an_empty_list_is_written_where_nothing_is_left() -> None:
    deployment = DEPLOYMENT.replace("}]", "}, {name: b, image: b}]")
    metrics = "".join(
        f"    - type: ContainerResource\n      containerResource: {{name: {name}, container: app, "
        "target: {type: Utilization, averageUtilization: 70}}\n"
        for name in ("cpu", "memory")
    )
    hpa = HPA[: HPA.index("    - type")] + metrics
    before = stream(deployment, hpa) + "---\n" + BLOCK_VPA.replace("'*'", "app")
    after = fixed(before)
    assert after == before.replace("Resources:\n", "Resources: []\n").replace(
        "            - cpu       # until load tests\n            - memory\n", ""
    )


def test_a_mode_keeps_its_quotes() -> None:
    both = HPA + MEMORY_HPA[MEMORY_HPA.index("    - type") :]
    before = stream(both) + "---\n" + BLOCK_VPA
    assert fixed(before) == before.replace('"Recreate"', '"Off"')


def test_two_scalers_take_one_fix() -> None:
    before = stream(HPA, MEMORY_HPA) + "---\n" + BLOCK_VPA
    made, after = fixing({"a.yaml": before})
    assert (len(made.made), made.left) == (1, {})
    assert made.after["a.yaml"].decode() == before.replace('"Recreate"', '"Off"')
    rules = {finding.rule for one in after.results for finding in one.findings}
    assert rules == {"duplicate-hpa"}


def test_one_fix_after_another() -> None:
    before = stream(HPA) + "---\n" + BLOCK_VPA + UNQUOTED_POLICY
    made, _ = fixing({"a.yaml": before})
    assert (len(made.made), made.left) == (2, {})
    wanted = before.replace("            - cpu       # until load tests\n", "")
    assert made.after["a.yaml"].decode() == wanted.replace("mode: Off", 'mode: "Off"')


def test_a_startup_boost_ends_with_the_control_of_cpu() -> None:
    boost = "    startupBoost:\n        cpu: {type: Factor, factor: 2}\n"
    before = stream(DEPLOYMENT, HPA) + "---\n" + BLOCK_VPA
    wanted = fixed(before)
    assert fixed(before.replace("\n    resourcePolicy", f"{boost}\n    resourcePolicy")) == wanted
    assert fixed(before + boost) == wanted


def test_a_mapping_in_braces() -> None:
    vpa = VPA.replace("spec:\n", "spec: {\n")
    vpa = vpa.replace("name: web}\n  updatePolicy", "name: web},  # where\n  updatePolicy")
    before = stream(HPA, vpa.rstrip() + "  # last\n}")
    wanted = before.replace(
        "Recreate}  # last\n",
        'Recreate},  # last\n  resourcePolicy: {containerPolicies: [{containerName: "*", '
        "controlledResources: [memory]}]}\n",
    )
    assert fixed(before) == wanted


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_json_as_kubectl_prints_it(name: str) -> None:
    entries = read_text(stream(HPA, VPA), "x")
    items = [getattr(one, "raw", {}) for one in entries]
    before = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=4) + "\n"
    after = fixed(before, name)
    expected = json.loads(before)
    expected["items"][1]["spec"]["resourcePolicy"] = {
        "containerPolicies": [{"containerName": "*", "controlledResources": ["memory"]}]
    }
    assert after == json.dumps(expected, indent=4) + "\n"


def test_members_of_a_list_in_yaml() -> None:
    def as_item(document: str) -> str:
        lines = document.strip().splitlines()
        return "- " + "\n  ".join(lines) + "\n"

    before = "apiVersion: v1\nkind: List\nitems:\n" + as_item(VPA) + as_item(HPA)
    after = fixed(before)
    added = (
        "    resourcePolicy:\n      containerPolicies:\n"
        '      - containerName: "*"\n        controlledResources: [memory]\n'
    )
    assert after == before.replace("Recreate}\n", "Recreate}\n" + added)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_bytes_stay_what_they_are(encoding: str, line_break: str) -> None:
    text = ("# ü\n" + stream(HPA, VPA).replace("Recreate}\n", "Recreate}\n# é\n")).rstrip("\n")
    content = text.replace("\n", line_break).encode(encoding)
    made, after = fixing({"a.yaml": content})
    assert after.count("deny") == 0
    new = made.after["a.yaml"]
    assert new[:2] == content[:2]
    shown = new.decode(encoding)
    assert shown.count(line_break) == text.count("\n") + 4
    old_lines, lines = text.split("\n"), shown.split(line_break)
    assert [line for line in lines if line in old_lines] == old_lines
    assert len(lines) == len(old_lines) + 4


def test_a_comment_right_behind_a_marker() -> None:
    before = stream(HPA) + "---# the VPA\n" + VPA.strip() + "\n"
    assert fixed(before).startswith(before)


def test_the_object_of_another_file() -> None:
    files = {"hpa.yaml": stream(HPA), "vpa.yaml": stream(VPA), "other.yaml": "a: 1\n"}
    made, after = fixing(files)
    assert after.count("deny") == 0
    assert made.changed == ["vpa.yaml"]
    assert [str(fix) for fix in made.made] == [
        (
            'vpa.yaml document 1: set controlledResources: [memory] for container "*" in '
            "VerticalPodAutoscaler default/web [hpa-vpa-same-metric]"
        )
    ]


def test_a_scaled_object() -> None:
    assert "controlledResources: [memory]" in fixed(stream(SCALED_OBJECT, VPA))


def test_what_is_broken_or_no_manifest_beside_it_stays() -> None:
    before = stream(VPA, "a: 1", HPA) + "---\nb: [\n---\nc: {{ .Values.c }}\n"
    made, after = fixing({"a.yaml": before})
    assert after.count("deny") == 0
    assert made.after["a.yaml"].decode().endswith("---\nb: [\n---\nc: {{ .Values.c }}\n")
    assert len(after.unreadable) == 1


def test_many_objects_of_one_file() -> None:
    pairs = [
        one.replace("name: web", f"name: web{number}") for number in range(40) for one in (VPA, HPA)
    ]
    made, after = fixing({"a.yaml": stream(*pairs)})
    assert after.count("deny") == 0
    assert len(made.made) == 40


# ---------------------------------------------------------------- what is left alone


def test_an_exempted_finding_is_not_fixed() -> None:
    exempt = HPA.replace(
        "{name: web}\n",
        '{name: web, annotations: {scaleguard.io/exempt: "hpa-vpa-same-metric"}}\n',
        1,
    )
    made, _ = fixing({"a.yaml": stream(exempt, VPA)})
    assert not made.made
    assert not made.left


def test_an_object_that_stands_twice() -> None:
    (reason,) = left({"a.yaml": stream(HPA, VPA), "b.yaml": stream(VPA)})
    assert reason == (
        "VerticalPodAutoscaler default/web: it stands in several places: "
        "a.yaml document 2, b.yaml document 1"
    )


def test_a_file_that_changed_meanwhile() -> None:
    now = {"b.yaml": stream(VPA).replace("Recreate", "Initial").encode()}
    (reason,) = left({"a.yaml": stream(HPA), "b.yaml": stream(VPA)}, now)
    assert reason == f"b.yaml document 1: {CHANGED}"
    (reason,) = left({"a.yaml": stream(HPA), "b.yaml": stream(VPA)}, {"b.yaml": b"\xff"})
    assert reason.startswith("b.yaml document 1: not UTF-8")


ANCHORS = {
    "an alias": (
        "x: &spec\n  targetRef: {kind: Deployment, apiVersion: apps/v1, name: web}\nspec: *spec\n",
        "spec is an alias (*)",
    ),
    "an anchor": (
        "spec: &spec\n  targetRef: {kind: Deployment, apiVersion: apps/v1, name: web}\nx: *spec\n",
        "spec has an anchor (&), and an alias stands for it elsewhere",
    ),
    "a merge key": (
        (
            "x: &x {updatePolicy: {updateMode: Auto}, resourcePolicy: {containerPolicies: "
            "[{containerName: app}]}}\n"
            "spec:\n  <<: *x\n  targetRef: {kind: Deployment, apiVersion: apps/v1, name: web}\n"
        ),
        "resourcePolicy comes from a merge key (<<)",
    ),
    "a list with an anchor": (
        (
            "spec:\n  targetRef: {kind: Deployment, apiVersion: apps/v1, name: web}\n"
            "  resourcePolicy:\n    containerPolicies:\n"
            "    - containerName: app\n      controlledResources: &r [cpu, memory]\n"
        ),
        "controlledResources has an anchor or a tag",
    ),
    "a comment inside a list": (
        (
            "spec:\n  targetRef: {kind: Deployment, apiVersion: apps/v1, name: web}\n"
            "  resourcePolicy:\n    containerPolicies:\n    - containerName: app\n"
            "      controlledResources: [memory,  # the first\n        cpu]\n"
        ),
        "a comment stands in what would be taken away",
    ),
    "an explicit key": (
        "spec:\n  ? targetRef\n  : {kind: Deployment, apiVersion: apps/v1, name: web}\n",
        "its text cannot be changed so that nothing else changes",
    ),
}


@pytest.mark.parametrize("case", list(ANCHORS))
def test_what_cannot_be_placed_is_left_alone(case: str) -> None:
    spec, why = ANCHORS[case]
    head = "apiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {name: web}\n"
    (reason,) = left({"a.yaml": stream(DEPLOYMENT, HPA) + "---\n" + head + spec})
    assert reason == f"a.yaml document 3: {why}"


def test_one_that_cannot_be_placed_does_not_keep_others_from_it() -> None:
    odd = ANCHORS["an explicit key"][0].replace("name: web", "name: odd")
    head = "apiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {name: odd}\n"
    hpa = HPA.replace("name: web", "name: odd")
    made, after = fixing({"a.yaml": stream(HPA, VPA, hpa) + "---\n" + head + odd})
    assert len(made.made) == 1
    assert len(made.left) == 1
    assert after.count("deny") == 2


UNQUOTED = """\
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: web}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  updatePolicy:
    updateMode: Off   # only to look at
  resourcePolicy:
    containerPolicies:
      # the mesh's own
      - {containerName: istio-proxy, mode: off}
      - containerName: app
        mode:   No
"""


def test_an_unquoted_off_is_quoted_wherever_it_stands() -> None:
    quoted = UNQUOTED.replace(": Off", ': "Off"').replace(": off", ': "Off"')
    assert fixed(UNQUOTED) == quoted.replace(":   No", ':   "Off"')
    made, _ = fixing({"a.yaml": UNQUOTED})
    assert len(made.made) == 1, "one fix for all places"


def test_a_false_in_json_is_off_as_well() -> None:
    was = json.dumps(yaml.safe_load(UNQUOTED))
    assert fixed(was, "a.json") == was.replace("false", '"Off"')
