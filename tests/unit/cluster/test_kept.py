"""What was read of the cluster is kept until it changes, within bounds."""

import time
from typing import Any

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, Stream, bookmark, event, page, status
from tests.unit.cluster.states import DEPLOYMENTS, WEB, Cluster, answer, workload, world_of
from webhook.cluster import kept as module
from webhook.cluster.kept import Changes, Kept, Key
from webhook.core.fields import Raw
from webhook.core.objects import GroupKind

DEPLOYMENT = GroupKind("apps", "Deployment")
OTHER = GroupKind("apps", "StatefulSet")
ALL = "/apis/apps/v1/deployments"


def key(name: str, kind: GroupKind = DEPLOYMENT) -> Key:
    return Key(kind, "shop", name)


def put(kept: Kept, name: str, said: Any = "", kind: GroupKind = DEPLOYMENT) -> None:
    one = key(name, kind)
    reading = kept.begin(one)
    kept.put(one, None if said is None else {"metadata": {}, "said": said}, reading)
    kept.end(one, reading)


def there(kept: Kept, names: str) -> str:
    return "".join(name for name in names if kept.get(key(name))[0])


def test_where_nobody_follows_it_is_kept_for_a_short_while() -> None:
    now = [0.0]
    kept = Kept(clock=lambda: now[0])
    put(kept, "a", "x")
    assert kept.get(key("a")) == (True, {"metadata": {}, "said": "x"})
    now[0] = module.KEPT_SECONDS
    assert kept.get(key("a")) == (False, None)


def test_where_all_changes_are_told_it_is_kept_until_it_changes() -> None:
    now: list[float] = [0.0]
    follows: list[int | None] = [0]
    kept = Kept(lambda kind: follows[0] if kind == DEPLOYMENT else None, lambda: now[0])
    for name in "abc":
        put(kept, name)
    put(kept, "d", None)  # it could not be read: that is no state of it
    put(kept, "e", kind=OTHER)
    now[0] = 100.0
    assert there(kept, "abcd") == "abc"
    assert not kept.get(key("e", OTHER))[0]
    changes = Changes(DEPLOYMENT, kept)
    changes.put(changes.read({"metadata": {"namespace": "shop", "name": "a", "generation": 2}}))
    changes.remove(changes.read({"metadata": {"namespace": "shop", "name": "b"}}))
    assert there(kept, "abc") == "c"
    for lost in (None, 1):
        follows[0] = lost
        assert there(kept, "c") == "", "nobody would know, or would have known"
    put(kept, "f")
    now[0] += module.FOLLOWED_SECONDS - 1
    assert there(kept, "f") == "f"
    now[0] += 1
    assert there(kept, "f") == "", "a change may have been lost"
    put(kept, "f")
    changes.replace(())
    assert there(kept, "f") == ""
    assert len(changes) == 0


def test_what_changes_while_it_is_read_is_not_kept() -> None:
    kept = Kept(lambda _: 0)
    for change in ("one", "all"):
        reading = kept.begin(key("a"))
        if change == "one":
            kept.forget(key("a"))
        else:
            kept.forget_all(DEPLOYMENT)
        kept.put(key("a"), {}, reading)
        kept.end(key("a"), reading)
        assert not kept.get(key("a"))[0]


def made(generation: int = 1, version: str = "5", notes: Raw | None = None) -> dict[str, Any]:
    known = {"namespace": "shop", "name": "a", "uid": "u", "generation": generation}
    bookkeeping = {"resourceVersion": version, "managedFields": [{"time": version}]}
    return {**known, **bookkeeping, **({"annotations": notes} if notes else {})}


REVISION = {"deployment.kubernetes.io/revision": "1"}
APPLIED = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}


@pytest.mark.parametrize(
    ("told", "is_kept"),
    [
        ([made()], True),
        ([made(version="4"), made(version="6")], True),
        ([made(version="6", notes=REVISION)], True),
        ([made(version="6", notes=APPLIED)], True),
        ([made(2, version="6")], False),
        ([made(version="6", notes={"mine": "x"})], False),
        ([made() | {"uid": "another"}], False),
        ([made() | {"labels": {"a": "b"}}], False),
    ],
)
@pytest.mark.parametrize("when", ["while it is read", "afterwards"])
def test_it_is_kept_where_what_is_told_was_read_or_is_of_its_status(
    told: list[dict[str, Any]], when: str, *, is_kept: bool
) -> None:
    """Who applies a Deployment and its HPA has the one read for the other while it is told."""
    kept = Kept(lambda _: 0)
    changes = Changes(DEPLOYMENT, kept)
    read = {"metadata": made(), "spec": {"a": 1}, "status": {}}
    reading = kept.begin(key("a"))
    if when == "afterwards":
        kept.put(key("a"), read, reading)
    for metadata in told:
        changes.put(changes.read({"metadata": metadata}))
    if when == "while it is read":
        kept.put(key("a"), read, reading)
    kept.end(key("a"), reading)
    assert kept.get(key("a"))[0] is is_kept


@pytest.mark.parametrize("read", [1, 2, 3])
def test_of_what_is_told_while_it_is_read_the_last_counts(read: int) -> None:
    kept = Kept(lambda _: 0)
    changes = Changes(DEPLOYMENT, kept)
    reading = kept.begin(key("a"))
    for generation in (1, 2):
        changes.put(changes.read({"metadata": made(generation)}))
    kept.put(key("a"), {"metadata": made(read)}, reading)
    assert kept.get(key("a"))[0] is (read == 2)


def test_what_could_not_be_read_is_read_again_once_it_is_told_of() -> None:
    kept = Kept(lambda _: 0)
    changes = Changes(DEPLOYMENT, kept)
    put(kept, "a", None)
    assert kept.get(key("a")) == (True, None)
    changes.put(changes.read({"metadata": made()}))
    assert not kept.get(key("a"))[0]
    reading = kept.begin(key("a"))
    changes.put(changes.read({"metadata": made()}))
    kept.put(key("a"), None, reading)
    assert not kept.get(key("a"))[0]


def test_of_two_who_read_at_once_the_later_one_is_kept() -> None:
    kept = Kept(lambda _: 0)
    first, second = kept.begin(key("a")), kept.begin(key("a"))
    kept.put(key("a"), {"metadata": {}, "said": "first"}, first)
    kept.end(key("a"), first)
    kept.put(key("a"), {"metadata": {}, "said": "second"}, second)
    kept.end(key("a"), second)
    assert kept.get(key("a")) == (True, {"metadata": {}, "said": "second"})
    assert kept._under_way == {}


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KEPT", 2)
    for follows in (None, 0):
        kept = Kept(lambda _, follows=follows: follows, lambda: 0.0)  # type: ignore[misc]
        for name in "abc":
            put(kept, name)
        assert there(kept, "abc") == "bc"


def test_of_what_is_large_less_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KEPT_BYTES", 2500)
    kept = Kept(clock=lambda: 0.0)
    for name in "abc":
        put(kept, name, name * 1000)
    assert there(kept, "abc") == "bc"
    put(kept, "c")  # the same again takes no other's place
    put(kept, "d" * 1000)
    assert there(kept, "b") == "b"
    put(kept, "e" * 2400)
    assert kept.count(DEPLOYMENT) == 1, "a name that may be megabytes counts as well"


def test_what_is_no_answer_any_more_is_not_held() -> None:
    now = [0.0]
    kept = Kept(clock=lambda: now[0])
    for number, name in enumerate("abc"):
        now[0] = float(number)
        put(kept, name)
    assert [one.name for one in kept._objects] == ["b", "c"]


def test_what_nobody_reads_is_not_held() -> None:
    kept = Kept(clock=lambda: 0.0)
    metadata = {"name": "a", "managedFields": [{"manager": "kubectl"}]}
    reading = kept.begin(key("a"))
    kept.put(key("a"), {"metadata": metadata, "status": {"replicas": 1}, "spec": {}}, reading)
    assert kept.get(key("a")) == (True, {"metadata": {"name": "a"}, "spec": {}})


def following(server: FakeApi, cluster: Cluster, *watch: Stream | Answer) -> Any:
    """A state that follows Deployments, and what its world says of one."""
    server.on(ALL, page([], "5"))
    server.on(f"watch {ALL}", *watch)
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    state = cluster.following(server)
    until(lambda: state._follows(DEPLOYMENT) is not None)
    return state


def until(reached: Any) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def reads(server: FakeApi) -> int:
    return server.paths().count(f"{DEPLOYMENTS}/web")


def test_a_workload_is_read_again_once_it_has_changed(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    scaled = event("MODIFIED", workload("web", metadata={"resourceVersion": "7"}))
    changed = event("MODIFIED", workload("web", metadata={"resourceVersion": "8", "generation": 2}))
    told = Stream([bookmark("6"), 0.5, scaled, 0.5, changed], end="hang")
    state = following(server, cluster, told)
    for _ in range(3):
        assert world_of(state).workload(WEB) is not None
    assert reads(server) == 1
    until(lambda: world_of(state).workload(WEB) is not None and reads(server) == 2)
    asked = [one for one in server.asked if one.path == ALL]
    assert all("as=PartialObjectMetadata" in one.headers["Accept"] for one in asked)
    assert [one.query.get("limit") for one in asked if not one.query.get("watch")] == ["1"]


@pytest.mark.parametrize(
    "ends",
    [
        status(500, "InternalError"),
        status(410, "Expired"),
        Stream([event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})]),
        Stream([bookmark("6"), b"garbage\n"]),
    ],
)
def test_what_was_read_before_changes_were_lost_is_read_again(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, ends: Answer | Stream
) -> None:
    """Also while the watch stands again: what happened meanwhile may be told later."""
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    first = Stream([bookmark("6"), 1.0])
    state = following(server, cluster, first, ends, Stream([bookmark("7")], end="hang"))
    for _ in range(2):
        assert world_of(state).workload(WEB) is not None
    assert reads(server) == 1
    before = state._follows(DEPLOYMENT)
    until(lambda: state._follows(DEPLOYMENT) not in {None, before})
    for _ in range(2):
        assert world_of(state).workload(WEB) is not None
    assert reads(server) == 2


def test_without_the_right_to_follow_it_is_kept_for_a_short_while(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    server.on(ALL, status(403, "Forbidden"))
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    state = cluster.following(server)
    for _ in range(2):
        assert world_of(state).workload(WEB) is not None
    assert reads(server) == 2
    assert state.not_ready() == [], "nobody waits for it"
