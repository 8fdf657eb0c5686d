"""Reports are kept like what stands: what differs is written, and nothing else is asked."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.cluster.fake import Answer, Asked, FakeApi, page, status
from tests.unit.cluster.states import wait_until
from webhook.cluster.api import Api
from webhook.controller.report_counters import ReportCounters
from webhook.controller.report_forms import FORMS, NAME, digest
from webhook.controller.reports import LIST_SECONDS, NotReadError, Reports

Raw = dict[str, Any]

OPEN, OLD = "/apis/openreports.io", "/apis/wgpolicyk8s.io"
V1, V2 = f"{OPEN}/v1alpha1", f"{OLD}/v1alpha2"
SHOP = f"{V1}/namespaces/shop/reports/{NAME}"
ML = f"{V1}/namespaces/ml/reports/{NAME}"
WHOLE = f"{V1}/clusterreports/{NAME}"


def body(message: str = "both act on cpu") -> Raw:
    result = {"policy": "p", "result": "fail", "message": message}
    return {"source": "scaleguard", "summary": {"fail": 1}, "results": [result]}


def kept(namespace: str, said: Raw, name: str = NAME) -> Raw:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}"}
    return {"metadata": metadata | said.get("metadata", {}), **said}


class Cluster:
    """A cluster with some kinds of Reports, a leader or none, and what is to be told."""

    def __init__(self, server: FakeApi, api: Api) -> None:
        self.server = server
        self.now = 1000.0
        self.leads = True
        self.bodies: Mapping[str, Raw] = {}
        self.broken: Exception | None = None
        self.registry = CollectorRegistry()
        self.reports = Reports(
            api,
            self._read,
            lambda: self.leads,
            ReportCounters(self.registry),
            60.0,
            clock=lambda: self.now,
            jitter=lambda: 0.5,
        )

    def _read(self) -> Mapping[str, Raw]:
        if self.broken is not None:
            raise self.broken
        return self.bodies

    def serve(self, group: str, version: str, *kinds: tuple[str, str]) -> None:
        """Have a group; those of its kinds whose plural begins with `cluster` have no namespace."""
        versions = {"preferredVersion": {"version": version}}
        self.server.on(group, Answer(body=json.dumps(versions).encode()))
        resources = [
            {"name": name, "kind": kind, "namespaced": not name.startswith("cluster")}
            for name, kind in kinds
        ]
        listed = json.dumps({"resources": resources}).encode()
        self.server.on(f"{group}/{version}", Answer(body=listed))
        for name, _ in kinds:
            self.server.on(f"{group}/{version}/{name}", page([]))

    def openreports(self) -> None:
        self.serve(OPEN, "v1alpha1", ("reports", "Report"), ("clusterreports", "ClusterReport"))

    def policyreports(self) -> None:
        both = ("policyreports", "PolicyReport"), ("clusterpolicyreports", "ClusterPolicyReport")
        self.serve(OLD, "v1alpha2", *both)

    def step(self) -> list[Asked]:
        """A round; what was asked for beside discovery."""
        before = len(self.server.asked)
        self.reports.step()
        found = self.server.asked[before:]
        return [one for one in found if one.path not in {OPEN, OLD, V1, V2}]

    def rounds(self, result: str) -> float:
        name = "scaleguard_reports_rounds_total"
        return self.registry.get_sample_value(name, {"result": result}) or 0


@pytest.fixture
def cluster(server: FakeApi, api: Api) -> Cluster:
    return Cluster(server, api)


def written(asked: list[Asked]) -> dict[str, Raw]:
    return {one.path: json.loads(one.body) for one in asked if one.method == "PATCH"}


def verbs(asked: list[Asked]) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in asked if one.method != "GET"]


def test_each_namespace_gets_one_and_what_is_in_none_as_well(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body(), "": body("of a node")}
    for path in (SHOP, WHOLE):
        cluster.server.on(path, Answer(body=b'{"metadata": {"uid": "u"}}'))
    asked = cluster.step()
    listed = [one.query for one in asked if one.method == "GET"]
    ours = "app.kubernetes.io/managed-by=scaleguard-controller"
    assert listed == [{"labelSelector": ours, "limit": "20"}] * 2  # of large objects
    found = written(asked)
    assert found.keys() == {SHOP, WHOLE}
    assert found[SHOP] == {
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "Report",
        "metadata": {
            "name": "scaleguard-current",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "scaleguard-controller"},
            "annotations": {},
        },
        **body(),
    }
    assert found[WHOLE]["kind"] == "ClusterReport"
    assert "namespace" not in found[WHOLE]["metadata"]
    (apply,) = [one for one in asked if one.path == SHOP]
    assert apply.query == {"fieldManager": "scaleguard-controller", "force": "true"}
    assert cluster.registry.get_sample_value("scaleguard_reports_kept") == 2
    assert cluster.rounds("ok") == 1


def test_at_rest_a_round_asks_for_nothing_and_a_change_for_one_write(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body(), "ml": body()}
    for path in (SHOP, ML):
        cluster.server.on(path, Answer())
    cluster.step()
    assert cluster.step() == []
    cluster.bodies = {"shop": body("another"), "ml": body()}
    assert verbs(cluster.step()) == [("PATCH", SHOP)]


def test_what_is_there_already_is_left_alone_and_what_has_nothing_to_say_goes(
    cluster: Cluster,
) -> None:
    cluster.openreports()
    there = [kept("shop", body()), kept("ml", body()), kept("other", body(), "somebody-elses")]
    cluster.server.on(f"{V1}/reports", page(there, kind="ReportList"))
    cluster.bodies = {"shop": body()}
    cluster.server.on(ML, Answer())
    asked = cluster.step()
    assert verbs(asked) == [("DELETE", ML)]
    (gone,) = [one for one in asked if one.method == "DELETE"]
    assert json.loads(gone.body)["preconditions"] == {"uid": "uid-ml"}
    assert cluster.step() == []


def test_what_somebody_has_changed_is_mended_with_the_next_list(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body()}
    cluster.server.on(SHOP, Answer())
    cluster.step()
    cluster.server.on(f"{V1}/reports", page([kept("shop", body("no fault"))]))
    assert cluster.step() == []
    cluster.now += LIST_SECONDS
    assert verbs(cluster.step()) == [("PATCH", SHOP)]


def test_where_there_is_no_such_kind_nothing_is_read_until_it_appears(cluster: Cluster) -> None:
    cluster.broken = AssertionError("nobody reads")
    assert cluster.step() == []
    assert cluster.rounds("absent") == 1
    cluster.broken = None
    cluster.openreports()
    cluster.bodies = {"shop": body()}
    cluster.server.on(SHOP, Answer())
    assert cluster.step() == []  # it is looked for again after some seconds
    cluster.now += 11
    assert verbs(cluster.step()) == [("PATCH", SHOP)]


def test_policyreports_are_written_where_they_are_all_there_is(cluster: Cluster) -> None:
    cluster.policyreports()
    cluster.bodies = {"shop": body()}
    path = f"{V2}/namespaces/shop/policyreports/{NAME}"
    cluster.server.on(path, Answer(body=b'{"metadata": {"uid": "u"}}'))
    found = written(cluster.step())[path]
    assert (found["apiVersion"], found["kind"]) == ("wgpolicyk8s.io/v1alpha2", "PolicyReport")
    assert "source" not in found
    # Once the other kind appears, everything moves there.
    cluster.openreports()
    cluster.server.on(SHOP, Answer())
    there = [kept("shop", {key: found[key] for key in ("summary", "results")})]
    cluster.server.on(f"{V2}/policyreports", page(there))
    cluster.now += 11
    assert verbs(cluster.step()) == [("PATCH", SHOP), ("DELETE", path)]


def test_who_does_not_lead_asks_for_nothing_and_knows_nothing_later(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body()}
    cluster.server.on(SHOP, Answer())
    cluster.leads = False
    assert cluster.step() == []
    cluster.leads = True
    assert verbs(cluster.step()) == [("PATCH", SHOP)]
    cluster.leads = False
    cluster.step()
    cluster.leads = True
    assert verbs(cluster.step()) == [("PATCH", SHOP)]  # what another one did meanwhile is unknown


def test_who_leads_no_more_stops_in_the_middle(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body(), "ml": body()}
    for path in (SHOP, ML):
        cluster.server.on(path, Answer())
    left = iter([True, True, False])
    cluster.reports._is_leader = lambda: next(left)
    assert verbs(cluster.step()) == [("PATCH", SHOP)]


def test_a_namespace_that_is_gone_is_asked_once(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body()}
    assert verbs(cluster.step()) == [("PATCH", SHOP)]  # 404
    assert cluster.step() == []
    assert cluster.rounds("ok") == 2
    assert cluster.registry.get_sample_value("scaleguard_reports_kept") == 0
    cluster.bodies = {}
    assert cluster.step() == []  # and there is nothing to delete


def test_what_is_refused_is_tried_ever_later_and_keeps_nobody_else_waiting(
    cluster: Cluster,
) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body(), "ml": body()}
    cluster.server.on(SHOP, status(403, "Forbidden"))
    cluster.server.on(ML, Answer())
    tried = []
    for minute in range(8):
        cluster.now = 1000.0 + 60.0 * minute
        cluster.bodies = {"shop": body(), "ml": body(f"{minute}")}
        paths = [path for _, path in verbs(cluster.step())]
        assert ML in paths
        tried += [minute] * (SHOP in paths)
    assert tried == [0, 1, 3, 7]
    refused = {"verb": "apply", "result": "forbidden"}
    assert cluster.registry.get_sample_value("scaleguard_reports_requests_total", refused) == 4
    assert (cluster.rounds("partly"), cluster.rounds("ok")) == (4, 4)
    assert cluster.reports.step() == 60.0


def test_pauses_grow_while_it_fails_and_are_as_usual_afterwards(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.broken = NotReadError("no answer")
    pauses = [cluster.reports.step() for _ in range(6)]
    assert pauses == [120.0, 240.0, 480.0, 600.0, 600.0, 600.0]
    assert cluster.rounds("unread") == 6
    cluster.broken = None
    assert cluster.reports.step() == 60.0
    cluster.broken = ValueError("a fault of ours")
    assert cluster.reports.step() == 120.0
    assert cluster.rounds("failed") == 1
    cluster.leads = False
    assert cluster.reports.step() == 2.0
    cluster.leads, cluster.broken = True, None
    assert cluster.reports.step() == 60.0


def test_an_api_server_that_is_away_ends_the_round(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body(), "ml": body()}
    cluster.server.on(SHOP, Answer(hang_up=True))
    cluster.server.on(ML, Answer())
    assert verbs(cluster.step()) == [("PATCH", SHOP)]
    assert cluster.rounds("failed") == 1
    cluster.server.on(SHOP, Answer())
    assert verbs(cluster.step()) == [("PATCH", SHOP), ("PATCH", ML)]


def test_it_runs_until_it_is_stopped(cluster: Cluster) -> None:
    cluster.openreports()
    cluster.bodies = {"shop": body()}
    cluster.server.on(SHOP, Answer())
    cluster.reports._every_seconds = cluster.reports._pause = 0.01
    cluster.reports.start()
    wait_until(lambda: cluster.rounds("ok") > 3)
    cluster.reports.stop()
    assert not cluster.reports._thread.is_alive()
    assert sum(one.method == "PATCH" for one in cluster.server.asked) == 1


def changed(change: Callable[[Raw], object]) -> Raw:
    raw: Raw = kept("shop", body())
    raw["metadata"]["annotations"] = {"scaleguard.io/left-out": "3 older"}
    change(raw)
    return raw


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda raw: raw["metadata"].update(resourceVersion="7"), True),
        (lambda raw: raw["metadata"]["annotations"].update(other="x"), True),
        (lambda raw: raw["metadata"]["annotations"].clear(), False),
        (lambda raw: raw["results"].clear(), False),
        (lambda raw: raw["summary"].update(fail=2), False),
    ],
    ids=["bookkeeping", "another's annotation", "our annotation", "results", "summary"],
)
def test_what_counts_as_a_change(change: Callable[[Raw], object], *, same: bool) -> None:
    assert (digest(changed(change)) == digest(changed(lambda _raw: None))) is same


def test_each_form_has_a_kind_for_namespaces_and_one_for_the_rest() -> None:
    assert [tuple(kind.kind for kind in form.kinds) for form in FORMS] == [
        ("Report", "ClusterReport"),
        ("PolicyReport", "ClusterPolicyReport"),
    ]
