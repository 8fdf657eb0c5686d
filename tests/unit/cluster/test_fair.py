"""A fair share for each who waits, and nothing twice."""

import threading

from hypothesis import given
from hypothesis import strategies as some

from webhook.cluster.fair import Fair


def taken(fair: Fair[str, str], most: int = 100) -> list[tuple[str, int] | None]:
    return [fair.take() for _ in range(most)]


def test_each_sharer_has_its_turn() -> None:
    fair: Fair[str, str] = Fair(10)
    for name in ("a", "b", "c"):
        fair.put("noisy", name, f"noisy {name}")
    fair.put("quiet", "a", "quiet a")
    fair.put("other", "a", "other a")
    assert taken(fair, 5) == [
        ("noisy a", 1),
        ("quiet a", 1),
        ("other a", 1),
        ("noisy b", 1),
        ("noisy c", 1),
    ]


def test_what_waits_already_is_counted_up() -> None:
    fair: Fair[str, str] = Fair(10)
    assert [fair.put("shop", "same", said) for said in ("first", "again", "again")] == [0, 0, 0]
    assert fair.take() == ("first", 3)
    fair.put("shop", "same", "later")
    assert fair.take() == ("later", 1)


def test_the_largest_share_gives_way_with_its_newest() -> None:
    fair: Fair[str, str] = Fair(4)
    for name in ("a", "b", "c", "d"):
        fair.put("noisy", name, name)
    fair.put("noisy", "d", "d")
    assert fair.put("noisy", "e", "e") == 1  # its own
    assert fair.put("quiet", "q", "q") == 2  # d, which was put twice
    assert fair.put("third", "t", "t") == 1  # c
    fair.close()
    assert taken(fair, 5) == [("a", 1), ("q", 1), ("t", 1), ("b", 1), None]


def test_shares_of_one_size_keep_what_they_have() -> None:
    fair: Fair[str, str] = Fair(2)
    fair.put("one", "a", "a")
    fair.put("other", "b", "b")
    assert fair.put("one", "c", "c") == 1
    assert fair.put("new", "d", "d") == 1  # it takes the place of the newest of the largest
    fair.close()
    assert {one for one in taken(fair, 3) if one is not None} == {("d", 1), ("b", 1)}


@given(
    some.lists(
        some.one_of(
            some.none(), some.tuples(some.sampled_from("abcd"), some.sampled_from("123456"))
        ),
        max_size=60,
    )
)
def test_whatever_comes_and_goes_the_largest_share_gives_way(
    steps: list[tuple[str, str] | None],
) -> None:
    """None: one is taken."""
    fair: Fair[str, str] = Fair(6)
    there: dict[str, dict[str, int]] = {name: {} for name in "abcd"}
    for step in steps:
        if step is None:
            if any(there.values()):
                said, times = fair.take() or ("", 0)
                assert there[said[0]].pop(said[1]) == times
            continue
        of, name = step
        lost = fair.put(of, name, of + name)
        sizes = {one: len(waiting) for one, waiting in there.items()}
        if name in there[of]:
            assert lost == 0
            there[of][name] += 1
        elif sum(sizes.values()) < 6:
            assert lost == 0
            there[of][name] = 1
        elif sizes[of] == max(sizes.values()):
            assert lost == 1
        else:
            now = fair._shares
            (gave,) = [one for one in there if one != of and len(now.get(one, ())) < sizes[one]]
            assert sizes[gave] == max(sizes.values())
            assert there[gave].popitem()[1] == lost
            there[of][name] = 1
    fair.close()
    left: dict[str, dict[str, int]] = {name: {} for name in "abcd"}
    while (waited := fair.take()) is not None:
        left[waited[0][0]][waited[0][1]] = waited[1]
    assert left == there
    assert (fair._held, fair._shares, fair._sized) == (0, {}, {})


def test_who_takes_waits_until_something_is_there_or_nothing_will_be() -> None:
    fair: Fair[str, str] = Fair(2)
    found: list[tuple[str, int] | None] = []
    thread = threading.Thread(target=lambda: found.extend(taken(fair, 2)))
    thread.start()
    fair.put("shop", "a", "a")
    fair.close()
    thread.join(5)
    assert found == [("a", 1), None]
