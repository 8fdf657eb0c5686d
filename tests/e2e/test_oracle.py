"""What the real API server accepts and fills in is read here as it reads it itself.

Quantities, HPAs in both versions, label selectors and members of one name are made by chance, and
the API server says what they are. `make fuzz-oracle` asks it for longer.
"""

import json
import os
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings

from tests.controlplane.cluster import ControlPlane
from tests.fuzz.targets import quantities
from tests.strategies.autoscalers import hpas
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.quantity import parse
from webhook.core.selector import Requirement, Selector
from webhook.server.body import decode

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

TIMES = int(os.environ.get("SCALEGUARD_ORACLE_TIMES", "1"))
"""How many times as much is asked."""
PER_POD = 200
LONGEST = 40
"""Beyond 64 characters and an exponent of 80 ours is bounded, and the API server's is not."""

CREATED, BAD_REQUEST, UNPROCESSABLE = 201, 400, 422


class Oracle:
    """A connection to the API server, in a namespace of its own."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._server, self._namespace = plane.server, namespace
        self._session = requests.Session()
        self._session.trust_env = False  # a bundle that the environment names would win over ours
        certificate, key = plane.layout.admin
        self._session.cert = str(certificate), str(key)
        self._session.verify = str(plane.layout.authority)

    def post(self, group: str, plural: str, body: str, **query: str) -> tuple[int, Raw]:
        answer = self._session.post(
            f"{self._server}/{group}/namespaces/{self._namespace}/{plural}",
            data=body.encode(),
            headers={"Content-Type": "application/json"},
            params=query,
            timeout=30,
        )
        return answer.status_code, answer.json()

    def get(self, group: str, path: str, **query: str) -> Raw:
        answer = self._session.get(
            f"{self._server}/{group}/namespaces/{self._namespace}/{path}", params=query, timeout=30
        )
        assert answer.ok, answer.text
        found: Raw = answer.json()
        return found

    def delete(self, group: str, path: str) -> None:
        self._session.delete(
            f"{self._server}/{group}/namespaces/{self._namespace}/{path}", timeout=30
        )

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def oracle(plane: ControlPlane, namespace: str) -> Iterator[Oracle]:
    asked = Oracle(plane, namespace)
    yield asked
    asked.close()


# ---------------------------------------------------------------- quantities


def texts(count: int) -> list[str]:
    random = Random(7)  # noqa: S311 - it is repeated, not secret
    seeds = quantities.seeds()
    mutate = quantities.TARGET.mutate(seeds)
    suffixes = ["", *"numkMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-3", "e+6"]
    made: set[str] = set()
    while len(made) < count:
        text = mutate(random.choice(seeds), random).decode(errors="replace")
        if len(made) % 2:
            digits = str(random.randrange(10 ** random.randint(1, 20)))
            at = random.randint(0, len(digits))
            text = f"{digits[:at]}{random.choice(('', '.'))}{digits[at:]}{random.choice(suffixes)}"
        exponent = text.lower().rpartition("e")[2].lstrip("+-0")
        if len(text) <= LONGEST and not (exponent.isdecimal() and len(exponent) > 1):
            made.add(text)
    return sorted(made)


def pod_of(sizes: Sequence[str]) -> str:
    """A pod in which quantities stand that have no meaning to anybody, as many as one likes."""
    volumes = [{"name": f"v{n}", "emptyDir": {"sizeLimit": size}} for n, size in enumerate(sizes)]
    containers = [{"name": "app", "image": "app"}]
    spec = {"containers": containers, "volumes": volumes}
    return json.dumps({"metadata": {"name": "pod"}, "spec": spec})


def dry(oracle: Oracle, sizes: Sequence[str]) -> tuple[int, Raw]:
    return oracle.post("api/v1", "pods", pod_of(sizes), dryRun="All")


def differing(oracle: Oracle, sizes: Sequence[str]) -> list[str]:
    """Those that the API server refuses to read, found by halves."""
    status, answer = dry(oracle, sizes)
    if status != BAD_REQUEST:
        assert status in {CREATED, UNPROCESSABLE}, answer
        return []
    if len(sizes) == 1:
        return list(sizes)
    half = len(sizes) // 2
    return [*differing(oracle, sizes[:half]), *differing(oracle, sizes[half:])]


def test_quantities_are_those_that_the_api_server_reads(oracle: Oracle) -> None:
    written = texts(3000 * TIMES)
    ours = {text: nanos for text in written if (nanos := parse(text)) is not None}
    positive = [text for text, nanos in ours.items() if nanos >= 0]
    negative = [text for text, nanos in ours.items() if nanos < 0]
    assert len(positive) > 1000 * TIMES
    for start in range(0, len(positive), PER_POD):
        sizes = positive[start : start + PER_POD]
        status, answer = dry(oracle, sizes)
        assert status == CREATED, f"read here, refused there: {differing(oracle, sizes)}"
        volumes = answer["spec"]["volumes"][: len(sizes)]
        canonical = [volume["emptyDir"]["sizeLimit"] for volume in volumes]
        assert canonical != sizes, "it writes them in its own form"
        for text, said in zip(sizes, canonical, strict=True):
            assert parse(said) == ours[text], (text, said)
    assert differing(oracle, negative) == []


def test_what_is_no_quantity_here_is_none_to_the_api_server(oracle: Oracle) -> None:
    refused = [text for text in texts(3000 * TIMES) if parse(text) is None][: 400 * TIMES]
    assert len(refused) > 200
    taken = [text for text in refused if dry(oracle, [text])[0] != BAD_REQUEST]
    assert taken == []


# ---------------------------------------------------------------- HPAs

generated = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100 * TIMES,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

HPAS = "horizontalpodautoscalers"


def facts(raw: Raw) -> Raw:
    """What is judged by, however amounts are written, and in whichever order."""
    read = read_hpa(raw)
    return {
        "target": read.target,
        "metrics": {
            (one.resource, one.container, one.target_type, _amount(one.target))
            for one in read.metrics
        },
        "aliases": {(one.resource, one.expression, one.relative_to) for one in read.aliases},
        "inert": read.inert.reason if read.inert is not None else None,
        "replicas": (read.least, read.most),
        "sources": read.sources,
        "exempt": read.exempt,
    }


def _amount(target: str) -> object:
    return target if target.endswith("%") else parse(target)


def _valid(raw: Raw) -> Raw:
    """The HPA with what the API server insists on, and without what only it may write."""
    metadata = {key: raw["metadata"][key] for key in ("name", "annotations")}
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "maxReplicas": 3,
        **raw["spec"],
    }
    return {**raw, "metadata": metadata, "spec": spec, "status": {}}


def test_hpas_mean_the_same_as_written_and_as_filled_in_in_both_versions(oracle: Oracle) -> None:
    seen = {"autoscaling/v1": 0, "autoscaling/v2": 0}

    @generated
    @given(hpas())
    def agree(raw: Raw) -> None:
        sent = _valid(raw)
        group = f"apis/{sent['apiVersion']}"
        status, stored = oracle.post(group, HPAS, json.dumps(sent), fieldValidation="Ignore")
        if status != CREATED:
            assert status in {BAD_REQUEST, UNPROCESSABLE}, stored
            return
        name = sent["metadata"]["name"]
        try:
            sent["metadata"]["namespace"] = stored["metadata"]["namespace"]
            wanted = facts(sent)
            assert facts(stored) == wanted
            for version in seen:
                assert facts(oracle.get(f"apis/{version}", f"{HPAS}/{name}")) == wanted, version
            seen[sent["apiVersion"]] += 1
        finally:
            oracle.delete(group, f"{HPAS}/{name}")

    agree()
    assert min(seen.values()) >= 10 * TIMES, seen


# ---------------------------------------------------------------- selectors and members

LABELS = [
    *({}, {"app": "web"}, {"app": "api"}, {"app": ""}, {"app": "web", "tier": "gpu"}),
    *({"tier": "gpu"}, {"example.com/a": "web"}, {"app": "Web"}, {"tier": "", "app": "api"}),
]


def test_selectors_select_what_the_api_server_selects(oracle: Oracle) -> None:
    for number, labels in enumerate(LABELS):
        body = json.dumps({"metadata": {"name": f"c{number}", "labels": {"of": "us", **labels}}})
        status, answer = oracle.post("api/v1", "configmaps", body)
        assert status == CREATED, answer.get("message")
    random = Random(3)  # noqa: S311 - it is repeated, not secret
    for _ in range(150 * TIMES):
        selector = Selector(tuple(_requirement(random) for _ in range(random.randint(1, 3))))
        listed = oracle.get("api/v1", "configmaps", labelSelector=f"of=us,{selector}")["items"]
        theirs = {one["metadata"]["name"] for one in listed}
        ours = {f"c{number}" for number, one in enumerate(LABELS) if selector.matches(one)}
        assert ours == theirs, str(selector)


def _requirement(random: Random) -> Requirement:
    key = random.choice(["app", "tier", "example.com/a", "nobody"])
    operator = random.choice(["In", "NotIn", "Exists", "DoesNotExist"])
    count = random.randint(1, 3) if operator in {"In", "NotIn"} else 0
    values = random.sample(["web", "api", "gpu", "", "Web"], count)
    return Requirement(key, operator, frozenset(values))


TARGETS = [
    f'{{"apiVersion": "apps/v1", "kind": "Deployment", "name": "{name}"}}'
    for name in ("web", "api")
]


def test_of_members_with_one_name_the_api_server_takes_the_last_as_well(oracle: Oracle) -> None:
    others = {"maxReplicas": "9", "scaleTargetRef": TARGETS[0]}
    for member, values in (
        ("maxReplicas", ["3", "7"]),
        ("minReplicas", ["2", "1", "2"]),
        ("scaleTargetRef", TARGETS),
    ):
        members = [f'"{member}": {value}' for value in values]
        members += [f'"{key}": {value}' for key, value in others.items() if key != member]
        body = f'{{"metadata": {{"name": "twice"}}, "spec": {{{", ".join(members)}}}}}'
        group = "apis/autoscaling/v2"
        status, answer = oracle.post(group, HPAS, body, dryRun="All", fieldValidation="Ignore")
        assert status == CREATED, answer.get("message")
        assert answer["spec"][member] == decode(body.encode())["spec"][member]
        status, answer = oracle.post(group, HPAS, body, dryRun="All", fieldValidation="Strict")
        assert status == BAD_REQUEST, answer
