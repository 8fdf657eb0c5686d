"""How things stand with workloads: told as a whole, kept as it was told last."""

import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.unit.audit.batches import DAY, RECORD, delivery, record
from webhook.audit.findings import BadCursorError, Filters
from webhook.audit.stood import Asked, Telling
from webhook.audit.store.opened import Store
from webhook.audit.store.query import decision, findings
from webhook.audit.store.retention import Retention, forget
from webhook.audit.store.standing import Stood, take_standings
from webhook.audit.store.standings import standings
from webhook.audit.store.taking import take_in
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import ObjectRef
from webhook.core.record import Record, RecordKind
from webhook.core.standing import Standing

WEB = WorkloadKey("shop", "apps", "Deployment", "web")
API = WorkloadKey("shop", "apps", "Deployment", "api")
LLAMA = WorkloadKey("ml", "serving.kserve.io", "InferenceService", "llama")

SCALED = {"replicas": {"now": 2, "by": []}, "meet": []}
AT_ODDS = {"replicas": {"now": 2, "by": []}, "meet": [{"rule": "hpa-vpa-same-metric"}]}


def found(name: str = "web", namespace: str = "shop", **changes: object) -> Record:
    scan = replace(RECORD, kind=RecordKind.SCAN, user="", operation="", workload="")
    about = replace(scan.object, name=name, namespace=namespace)
    return replace(scan, object=about, **changes)  # type: ignore[arg-type]


def tell(
    store: Store,
    at: float,
    *told: Standing,
    cluster: str = "c",
    pass_began: float | None = None,
) -> Stood:
    return take_standings(store, Telling(cluster, "leader", at, told, pass_began))


def open_findings(store: Store, **filters: object) -> list[tuple[str, float, float]]:
    page = findings(store, Filters(open=True, **filters))  # type: ignore[arg-type]
    return sorted(
        (one.record["object"]["name"], one.first_seen, one.last_seen) for one in page.findings
    )


EVERYTHING = Asked()


def workloads(store: Store, wanted: Asked = EVERYTHING) -> list[tuple[str, str]]:
    return [
        (one.workload.namespace, one.workload.name) for one in standings(store, wanted).standings
    ]


def test_a_finding_appears_stays_goes_and_comes_back(store: Store) -> None:
    at_odds = Standing(WEB, (found(),), AT_ODDS)

    assert tell(store, DAY, at_odds) == Stood(1, 1, 0)
    assert tell(store, 2 * DAY, at_odds) == Stood(1, 0, 0)
    assert open_findings(store) == [("web", DAY, 2 * DAY)]

    assert tell(store, 3 * DAY, Standing(WEB, (), SCALED)) == Stood(1, 0, 1)
    assert open_findings(store) == []
    (over,) = findings(store, Filters(open=False)).findings
    assert (over.resolved, over.first_seen, over.count) == (3 * DAY, DAY, 1)

    assert tell(store, 4 * DAY, at_odds) == Stood(1, 1, 0)
    (again,) = findings(store, Filters(kind="scan")).findings
    assert (again.resolved, again.first_seen, again.count) == (None, 4 * DAY, 2)


def test_what_is_older_does_not_count(store: Store) -> None:
    tell(store, 2 * DAY, Standing(WEB, (), SCALED))
    assert tell(store, DAY, Standing(WEB, (found(),), AT_ODDS)) == Stood(0, 0, 0, older=1)
    assert open_findings(store) == []
    tell(store, 3 * DAY, Standing(WEB))
    assert tell(store, 2.5 * DAY, Standing(WEB, (found(),), AT_ODDS)) == Stood(0, 0, 0, older=1)
    assert workloads(store) == []


def test_a_whole_pass_ends_what_it_did_not_tell_of(store: Store) -> None:
    for cluster in ("c", "another"):
        gone, stays = Standing(API, (found("api"),), AT_ODDS), Standing(WEB, (found(),), AT_ODDS)
        tell(store, DAY, gone, stays, cluster=cluster)
    take_in(store, delivery((record(), [("d", DAY)])))

    tell(store, 2 * DAY, Standing(WEB, (found(),), AT_ODDS))
    assert len(open_findings(store, cluster="c")) == 2  # a pass has to be over to tell
    assert tell(store, 2.5 * DAY, pass_began=1.5 * DAY) == Stood(0, 0, 1)

    assert open_findings(store, cluster="c") == [("web", DAY, 2 * DAY)]
    assert workloads(store, Asked(cluster="c")) == [("shop", "web")]
    assert len(open_findings(store, cluster="another")) == 2
    assert [one.resolved for one in decision(store, "d")] == [None]


def test_one_standing_does_not_touch_another_ones_findings(store: Store) -> None:
    shared = found("predictor")  # two names of one workload: told of at both
    tell(store, DAY, Standing(WEB, (shared,), SCALED), Standing(API, (shared,), SCALED))
    tell(store, 2 * DAY, Standing(WEB, (), SCALED))

    assert open_findings(store) == [("predictor", DAY, DAY)]
    by_name = {one.workload.name: len(one.findings) for one in standings(store, Asked()).standings}
    assert by_name == {"api": 1, "web": 0}


def test_what_was_found_is_found_by_its_id_and_by_what_it_says(store: Store) -> None:
    tell(store, DAY, Standing(WEB, (found(),), AT_ODDS))
    take_in(store, delivery((record(), [("d", DAY)])))

    (one,) = findings(store, Filters(kind="scan", workload="web", namespace="shop")).findings
    assert decision(store, one.last_decision) == (one,)
    assert one.record == found().as_json()
    assert findings(store, Filters(kind="denial", open=True)).findings == ()


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Asked(), ["llama", "api", "web"]),
        (Asked(namespace="shop"), ["api", "web"]),
        (Asked(workload="web"), ["web"]),
        (Asked(conflicts=True), ["web"]),
        (Asked(cluster="another"), []),
        (Asked(namespace="' OR 1=1 --"), []),
    ],
    ids=str,
)
def test_the_map_is_asked(store: Store, wanted: Asked, names: list[str]) -> None:
    tell(
        store,
        DAY,
        Standing(WEB, (found(), found("web-vpa")), AT_ODDS),
        Standing(API, (), SCALED),
        Standing(LLAMA, (found("llama", "ml"),)),
    )
    assert [name for _, name in workloads(store, wanted)] == names


def test_what_is_told_of_one_workload_comes_with_it(store: Store) -> None:
    tell(store, DAY, Standing(WEB, (found("b"), found("a")), AT_ODDS), Standing(LLAMA, (found(),)))
    llama, web = standings(store, Asked()).standings

    assert (web.cluster, web.seen, web.workload, web.who_scales) == ("c", DAY, WEB, AT_ODDS)
    assert [one.record["object"]["name"] for one in web.findings] == ["a", "b"]
    assert (llama.who_scales, len(llama.findings)) == (None, 1)


def test_pages_follow_each_other_while_workloads_come_and_go(store: Store) -> None:
    names = [f"w{number:02}" for number in range(25)]
    tell(store, DAY, *(Standing(WEB._replace(name=name), (), SCALED) for name in names))
    seen: list[str] = []
    after = None
    while True:
        page = standings(store, Asked(), 7, after)
        seen += [one.workload.name for one in page.standings]
        tell(store, 2 * DAY, Standing(WEB._replace(name="w00a"), (), SCALED))  # behind us
        after = page.next
        if after is None:
            break
    assert seen == names


@pytest.mark.parametrize("after", ["", "x", "W10=", "WyJhIiwiYiIsMV0", "WyJhIiwgImIiLCAtMV0=", "é"])
def test_a_cursor_that_is_none_is_refused(store: Store, after: str) -> None:
    with pytest.raises(BadCursorError, match="nothing that a page said"):
        standings(store, Asked(), 7, after)


def test_a_pass_keeps_what_stands_from_being_forgotten(store: Store) -> None:
    tell(store, DAY, Standing(WEB, (found(),), AT_ODDS), Standing(API, (found("api"),), AT_ODDS))
    tell(store, 30 * DAY, Standing(WEB, (found(),), AT_ODDS))

    forget(store, Retention(seconds=7 * DAY), 31 * DAY)
    assert open_findings(store) == [("web", DAY, 30 * DAY)]


def test_what_nobody_tells_of_any_more_is_forgotten(store: Store) -> None:
    tell(store, DAY, Standing(WEB, (found(),), AT_ODDS), cluster="gone")
    tell(store, 30 * DAY, Standing(API, (found("api"),), AT_ODDS))

    forget(store, Retention(seconds=7 * DAY), 31 * DAY)
    assert workloads(store) == [("shop", "api")]


def test_however_much_is_refused_what_stands_is_not_forgotten_for_it(store: Store) -> None:
    tell(store, DAY, Standing(WEB, (found(),), AT_ODDS), Standing(API, (found("api"),), AT_ODDS))
    tell(store, 2 * DAY, Standing(API))
    take_in(store, delivery(*((record(f"w{n}"), [(f"d{n}", 3 * DAY + n)]) for n in range(50))))

    forget(store, Retention(rows=20), 4 * DAY)
    assert [name for name, *_ in open_findings(store)] == ["web"]
    assert findings(store, Filters(open=False)).findings == ()
    forget(store, Retention(rows=0), 4 * DAY)
    assert [one.record["object"]["name"] for one in findings(store, Filters()).findings] == ["web"]


def test_hostile_names_are_kept_as_they_are(store: Store) -> None:
    name = "'; DROP TABLE findings; --\0\ud800"
    key = WEB._replace(name=name)
    about = ObjectRef("v1", "Pod", "shop", name)
    tell(store, DAY, Standing(key, (replace(found(), object=about),), {"meet": [name]}))
    tell(store, 2 * DAY, Standing(key, (replace(found(), object=about),), {"meet": [name]}))

    (kept,) = standings(store, Asked()).standings
    assert kept.workload.name == "'; DROP TABLE findings; --\ufffd\ufffd"
    assert [one.count for one in kept.findings] == [1]


def _model(told: Iterable[tuple[float, Standing]]) -> set[tuple[str, str]]:
    newest: dict[WorkloadKey, tuple[float, Standing]] = {}
    for at, one in told:
        if one.workload not in newest or at >= newest[one.workload][0]:
            newest[one.workload] = at, one
    return {
        (key.name, str(record.object.name))
        for key, (_, one) in newest.items()
        for record in one.records
    }


@pytest.mark.parametrize("seed", range(4))
def test_in_whatever_order_it_comes_the_newest_stands(store: Store, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be had again
    told = []
    for at in range(1, 41):
        key = WEB._replace(name=f"w{chance.randrange(6)}")
        names = chance.sample(["a", "b", "c", "d"], chance.randrange(4))
        told.append((at * 60.0, Standing(key, tuple(map(found, names)), SCALED)))
    order = [*told, *chance.sample(told, 10)]
    chance.shuffle(order)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: tell(store, *one), order))

    stands = {
        (one.workload.name, finding.record["object"]["name"])
        for one in standings(store, Asked()).standings
        for finding in one.findings
    }
    assert stands == _model(told)
