"""What `review` says of a pod is what the API server stores after the webhook.

Every pod case is created twice: as it is written, in a namespace that the webhook guards, and with
the patch that `review` gives, in a namespace that it ignores. Both must come out the same.
"""

import copy
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
import yaml

from tests.cases.case import Case, cases
from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import wait_until
from webhook import config as configuration
from webhook.core.objects import POD, reference
from webhook.core.world import NAMESPACE
from webhook.manifests import Document, Part, Source
from webhook.offline.judge import review
from webhook.wiring import build_judge

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

# What belongs to the namespace or the moment, not to the pod.
_OWN = ("uid", "creationTimestamp", "resourceVersion", "namespace", "managedFields")
_TOKEN = re.compile(r"kube-api-access-[a-z0-9]{5}")

# LimitRanges reach the API server's admission, and the webhook, by watches.
SETTLES_WITHIN_SECONDS = 3.0


@dataclass(frozen=True)
class Trial:
    """A case with pods, and the namespaces in which it is tried."""

    case: Case
    number: int

    @property
    def pods(self) -> list[Raw]:
        """The pods, each with a name of its own."""
        pods = [raw for raw in self.case.objects if reference(raw).group_kind == POD]
        return [named(raw, f"p{self.number:03}-{each}") for each, raw in enumerate(pods)]

    @property
    def context(self) -> list[Raw]:
        """The other objects, namespaces left out."""
        kept = (
            raw for raw in self.case.objects if reference(raw).group_kind not in {POD, NAMESPACE}
        )
        return list(kept)

    @property
    def space(self) -> Raw:
        """Labels and annotations that the case gives its namespace."""
        spaces = [raw for raw in self.case.objects if reference(raw).group_kind == NAMESPACE]
        metadata: Raw = spaces[0]["metadata"] if spaces else {}
        return {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}

    def namespace(self, side: str) -> str:
        """Its own namespace on one side, where it brings more than pods; else a common one."""
        return f"{side}-{self.number:03}" if self.context or self.space else side


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of its own: hundreds of GPU pods would take the nodes of other tests."""
    with ControlPlane() as running:
        yield running


def named(raw: Raw, name: str) -> Raw:
    """A pod under another name; its namespace is the trial's."""
    metadata = raw.get("metadata")
    kept = dict(metadata) if isinstance(metadata, dict) else {}
    for key in ("generateName", "namespace", "deletionTimestamp"):
        kept.pop(key, None)
    return {**raw, "metadata": {**kept, "name": name}}


def trials() -> dict[str, list[Trial]]:
    """All cases with pods, by their configuration."""
    number = itertools.count()
    by_config: dict[str, list[Trial]] = {}
    for case in cases():
        if any(reference(raw).group_kind == POD for raw in case.objects):
            config = json.dumps(case.header.get("config") or {})
            by_config.setdefault(config, []).append(Trial(case, next(number)))
    return by_config


def test_review_and_the_api_server_agree(plane: ControlPlane, tmp_path: Path) -> None:
    by_config = trials()
    every = [trial for group in by_config.values() for trial in group]
    assert len(every) > 200
    accepted = prepare(plane, every)
    stored: dict[str, Raw] = {}
    expected: dict[str, Raw] = {}
    with Guard(plane) as guard:
        for config, group in by_config.items():
            file = tmp_path / "config.yaml"
            file.write_text(yaml.safe_dump(json.loads(config)), encoding="utf-8")
            guard.restart("--config", str(file))
            tried = [trial for trial in group if trial.number in accepted]
            stored |= create(plane, "guarded", [(one, one.pods) for one in tried])
            reviewed = [(one, list(fitted(one, json.loads(config)))) for one in tried]
            expected |= create(plane, "ignored", reviewed)
    assert stored.keys() <= expected.keys(), "a patch never makes a pod refused"
    # What only the patched side has was refused as written: the API server could not decode it.
    written = {pod["metadata"]["name"]: pod for trial in every for pod in trial.pods}
    odd = [named(written[name], f"{name}-raw") for name in expected.keys() - stored.keys()]
    assert made(plane, [moved(raw, "ignored") for raw in odd]) == []
    names = {f"p{trial.number:03}": trial.case.name for trial in every}
    differing, labelled = [], 0
    for name, raw in stored.items():
        if plain(raw) != plain(expected[name]):
            case = names[name.partition("-")[0]]
            differing.append(f"{case}\n  {plain(raw)}\n  {plain(expected[name])}")
        labelled += "scaleguard.io/workload-class" in raw["metadata"].get("labels", {})
    assert not differing, "\n".join(differing)
    assert len(stored) > len(every) * 0.8, "most cases are pods that an API server accepts"
    assert labelled > 150


def prepare(plane: ControlPlane, every: list[Trial]) -> set[int]:
    """Make the namespaces and what lies in them; returns the trials whose world was accepted."""
    spaces: dict[str, Raw] = {"guarded": {}, "ignored": {}}
    for trial in every:
        for side in ("guarded", "ignored"):
            spaces[trial.namespace(side)] = trial.space
    namespaces = []
    for name, space in spaces.items():
        labels = dict(space.get("labels", {}))
        if name.startswith("ignored"):
            labels["scaleguard.io/ignore"] = "true"
        metadata = {**space, "name": name, "labels": labels}
        namespaces.append({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    assert len(made(plane, namespaces)) == len(namespaces)
    wait_until(lambda: accounts(plane) >= set(spaces))
    context = [
        moved(raw, trial.namespace(side))
        for trial in every
        for raw in trial.context
        for side in ("guarded", "ignored")
    ]
    there = {identity(raw) for raw in made(plane, context)}
    time.sleep(SETTLES_WITHIN_SECONDS)
    return {
        trial.number
        for trial in every
        if all(identity(moved(raw, trial.namespace("guarded"))) in there for raw in trial.context)
    }


def accounts(plane: ControlPlane) -> set[str]:
    """The namespaces in which pods can be created: their service account is there."""
    listed = plane.kubectl("get", "serviceaccounts", "-A", "-o", "json").stdout
    return {raw["metadata"]["namespace"] for raw in json.loads(listed)["items"]}


def identity(raw: Raw) -> tuple[str, str, str]:
    return raw["kind"], raw["metadata"]["namespace"], raw["metadata"]["name"]


def moved(raw: Raw, namespace: str) -> Raw:
    return {**raw, "metadata": {**raw["metadata"], "namespace": namespace}}


def fitted(trial: Trial, config: Raw) -> Iterator[Raw]:
    """The pods as `review` would have them, in the world of their case."""
    judge = build_judge(configuration.parse(config, trial.case.name))
    default = trial.space and [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {**trial.space, "name": "default"}}
    ]
    context = [without_namespace(raw) for raw in trial.context]
    raws = [*(default or []), *context, *trial.pods]
    documents = [
        Document(Source("case.yaml", number), raw, Part("", 1))
        for number, raw in enumerate(raws, start=1)
    ]
    for result in review(documents, judge).results[-len(trial.pods) :]:
        judged = result.as_json()
        patch = [] if judged.get("heldBack") else judged["patch"]
        yield jsonpatch.apply_patch(copy.deepcopy(result.raw), patch)


def without_namespace(raw: Raw) -> Raw:
    metadata = {key: value for key, value in raw["metadata"].items() if key != "namespace"}
    return {**raw, "metadata": metadata}


def create(plane: ControlPlane, side: str, tried: list[tuple[Trial, list[Raw]]]) -> dict[str, Raw]:
    """Create pods; returns what the API server stored, by name. Refused ones are left out."""
    items = [moved(raw, trial.namespace(side)) for trial, raws in tried for raw in raws]
    return {raw["metadata"]["name"]: raw for raw in made(plane, items)}


def made(plane: ControlPlane, raws: list[Raw]) -> list[Raw]:
    """Create objects; returns those that the API server took, as it stored them."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": raws})
    done = plane.kubectl(
        *("create", "--validate=false", "-o", "json", "-f", "-"), input=listed, check=False
    )
    return list(decoded(done.stdout))


def decoded(text: str) -> Iterator[Raw]:
    """Read the JSON documents that kubectl printed, members of Lists one by one."""
    decoder, position = json.JSONDecoder(), 0
    while (position := len(text) - len(text[position:].lstrip())) < len(text):
        raw, position = decoder.raw_decode(text, position)
        yield from raw["items"] if raw.get("kind") == "List" else [raw]


def plain(raw: Raw) -> Raw:
    """A stored pod without what belongs to its namespace or moment."""
    metadata = {key: value for key, value in raw["metadata"].items() if key not in _OWN}
    # The API server's own tolerations are there before the webhook's, and after those of `review`.
    tolerations = sorted(raw["spec"].get("tolerations", []), key=json.dumps)
    spec = {**raw["spec"], "tolerations": tolerations}
    kept = {**raw, "metadata": metadata, "spec": spec, "status": None}
    without: Raw = json.loads(_TOKEN.sub("kube-api-access", json.dumps(kept)))
    return without
