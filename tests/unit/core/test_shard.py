import json

import pytest

from tests.unit.core.autoscalers import asked, at, hpa, vpa
from webhook.core.entry import Entry, entry_of
from webhook.core.shard import (
    MOST_BYTES,
    SHARDS,
    BadShard,
    FullShard,
    Shard,
    decode,
    encode,
    shard_of,
)

HPA_FLOOR, VPA_FLOOR = (
    "HorizontalPodAutoscaler.autoscaling",
    "VerticalPodAutoscaler.autoscaling.k8s.io",
)


def entry(name: str, uid: str | None = None) -> Entry:
    return entry_of(asked(hpa(name), uid=uid or name), 0)


def ids(shard: Shard) -> list[str]:
    return [one.id for one in shard.entries]


def test_all_of_a_namespace_is_in_one_shard_whatever_process_asks() -> None:
    assert [shard_of(name) for name in ("shop", "default", "kube-system", "\ud800")] == [
        2,
        15,
        5,
        8,
    ]
    assert {shard_of(f"team-{number}") for number in range(500)} == set(range(SHARDS))


def test_document_says_all_of_a_shard() -> None:
    updated = entry_of(asked(vpa(), at(vpa(updatePolicy={}), 5), "2"), 0)
    large = Entry("3", hpa("large"), 7, is_whole=False)
    shard = Shard((entry("a"), updated, large), {HPA_FLOOR: 3, VPA_FLOOR: 4})
    assert decode(encode(shard)) == shard


def test_other_namespaces_are_left_out() -> None:
    other = {**hpa(), "metadata": {"namespace": "other", "name": "h"}}
    shard = Shard((entry("a"), entry_of(asked(other), 0)))
    assert [one.ref.name for one in shard.of_namespace("shop")] == ["a"]
    assert [one.ref.name for one in shard.of_namespace("other")] == ["h"]


def test_entry_is_put_in_the_place_of_those_it_says_again() -> None:
    shard = Shard().entered(entry("a")).entered(entry("b")).entered(entry("a", "again"))
    assert ids(shard) == ["b", "again"]
    assert ids(shard.without(["b", "unknown"])) == ["again"]


def test_two_updates_of_one_version_both_stay() -> None:
    """Either may come to be: forgetting the one for the other would be a gap."""
    one, other = (
        entry_of(asked(hpa(minReplicas=number), at(hpa(), 5), str(number)), 0) for number in (2, 3)
    )
    assert ids(Shard().entered(one).entered(other)) == ["2", "3"]


def test_what_was_seen_is_removed_and_must_have_been_seen_by_others() -> None:
    seen = {"a": 12, "b": 11, "c": 0}
    shard = Shard((entry("a"), entry("b"), entry("c"), entry("d")), {VPA_FLOOR: 3})
    pruned = shard.pruned(lambda one: seen.get(one.id))
    assert ids(pruned) == ["c", "d"]
    assert pruned.floors == {HPA_FLOOR: 12, VPA_FLOOR: 3}
    assert pruned.pruned(lambda _one: 2).floors[HPA_FLOOR] == 12, "floors only rise"
    assert pruned.without_floors([VPA_FLOOR, "unknown"]).floors == {HPA_FLOOR: 12}


def test_shard_that_is_full_takes_no_more() -> None:
    entries = tuple(entry(f"h-{number}") for number in range(1500))
    assert len(encode(Shard(entries[:300]))) < MOST_BYTES
    with pytest.raises(FullShard, match="1500 of them"):
        encode(Shard(entries))


def test_one_namespace_does_not_keep_others_out() -> None:
    shard = Shard(tuple(entry(f"h-{number}") for number in range(400)))
    with pytest.raises(FullShard, match="401 of one namespace"):
        shard.entered(entry("h"))
    other = {**hpa(), "metadata": {"namespace": "other", "name": "h"}}
    assert len(shard.entered(entry_of(asked(other), 0)).entries) == 401


@pytest.mark.parametrize(
    "written",
    ["", "no", "[]", "{}", '{"version": 2}', '{"version": "1"}', "[" * 100_000],
)
def test_document_that_is_none_of_ours_is_not_relied_on(written: str) -> None:
    with pytest.raises(BadShard):
        decode(written)


def test_odd_members_say_nothing() -> None:
    document = {"version": 1, "entries": [3, {"id": 1}], "floors": {"a": 3}}
    assert decode(json.dumps(document)) == Shard((Entry("", {}, 0, is_whole=False),), {"a": 0})
