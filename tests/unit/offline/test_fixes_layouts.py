"""However a manifest is laid out: a fix says what its patch says, and the rest stays as it is."""

import difflib
import re
from typing import Any

import jsonpatch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.layouts import texts
from webhook.core.patch import END, Addition, Operation, operations
from webhook.manifests import Document
from webhook.manifests.paths import decode
from webhook.manifests.reading import read_text
from webhook.offline.fixes_bytes import Edit, FileText
from webhook.offline.fixes_edit import Editor

POLICIES = ("spec", "resourcePolicy", "containerPolicies")
MEMBER = re.compile(r"""\s*(- )?['"]?(cpu|memory)['"]?,?\s*(#.*)?""")
LEFT = st.sampled_from([[], ["cpu"], ["memory"]])


@st.composite
def vpas(draw: Any) -> dict[str, Any]:
    """A VPA; what a fix adds or changes is there or not."""
    policies = draw(
        st.lists(
            st.fixed_dictionaries(
                {"containerName": st.sampled_from(["*", "app", "side-car"])},
                optional={
                    "controlledResources": st.sampled_from([["cpu", "memory"], ["memory", "cpu"]]),
                    "minAllowed": st.just({"cpu": "100m", "memory": 1}),
                },
            ),
            max_size=3,
        )
    )
    spec: dict[str, Any] = {"targetRef": {"kind": "Deployment", "name": "web"}}
    if draw(st.booleans()):
        spec["updatePolicy"] = draw(st.sampled_from([{}, {"updateMode": "Auto"}]))
    if policies or draw(st.booleans()):
        spec["resourcePolicy"] = draw(
            st.sampled_from([{"containerPolicies": policies}] * 3 + [{"containerPolicies": []}, {}])
        )
    more = draw(st.sampled_from([{}, {"recommenders": [{"name": "x"}]}]))
    order = draw(st.permutations([*spec.items(), *more.items()]))
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": "web", "labels": {}},
        "spec": dict(order),
    }


@st.composite
def patches(draw: Any, raw: dict[str, Any]) -> list[Operation]:
    """What fixes do: another mode, or what policies control, and new policies."""
    if draw(st.integers(0, 3)) == 0:
        return operations(raw, [Addition(("spec", "updatePolicy", "updateMode"), "Off")])
    policies = raw["spec"].get("resourcePolicy", {}).get("containerPolicies", [])
    changed = draw(st.sets(st.integers(0, len(policies) - 1))) if policies else ()
    additions = [
        Addition((*POLICIES, index, "controlledResources"), draw(LEFT)) for index in changed
    ]
    for name in draw(st.lists(st.sampled_from(["*", "app", "2"]), max_size=2)):
        member = {"containerName": name, "controlledResources": draw(LEFT)}
        if draw(st.booleans()):
            member |= {"minAllowed": {"cpu": "100m", "nvidia.com/gpu": 1}}
        additions.append(Addition((*POLICIES, END), member))
    return operations(raw, additions)


def entries(content: bytes) -> list[Document]:
    read = list(read_text(decode(content), "a.yaml"))
    assert all(isinstance(entry, Document) for entry in read), (read, content.decode())
    return [entry for entry in read if isinstance(entry, Document)]


def fixed(content: bytes, number: int, patch: list[Operation]) -> bytes:
    text = FileText.of(content)
    document = entries(content)[number]
    offset = text.offset_of(document.part)
    return text.changed(
        Edit(edit.start + offset, edit.end + offset, edit.text)
        for edit in Editor(document.part).edits(document.at, patch)
    )


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_fix_is_its_patch_and_nothing_else(data: st.DataObject) -> None:
    raw = data.draw(vpas())
    patch = data.draw(patches(raw))
    before = data.draw(texts(raw))
    assert entries(before)[0].raw == raw
    after = fixed(before, 0, patch)
    assert entries(after)[0].raw == jsonpatch.apply_patch(raw, patch)
    check_the_rest(before, after)
    if not patch:
        assert after == before


def check_the_rest(before: bytes, after: bytes) -> None:
    """Lines go only where they were a member of a list; others get longer, or another value."""
    old, new = (content.decode().split("\n") for content in (before, after))
    gone = ""
    for line in difflib.ndiff(old, new):
        if not line.startswith("- "):
            continue
        if MEMBER.fullmatch(line[2:]):
            gone += line
            continue
        words = set(re.findall(r"\w+", line.partition("#")[0])) - {"cpu", "memory", "Auto"}
        assert any(words <= set(re.findall(r"\w+", one)) for one in new), line
    assert after.count(b"#") == before.count(b"#") - gone.count("#")
    assert after.endswith(b"\n") == before.endswith(b"\n")
    if b"\r\n" in before:
        assert not re.search(rb"(?<!\r)\n", after)
    else:
        assert b"\r" not in after
