from datetime import datetime, timedelta

from certs.phases import Phased

OVERLAP = timedelta(minutes=5)


def test_a_successor_is_known_before_and_the_one_before_after_for_as_long_as_it_takes(
    now: datetime,
) -> None:
    first = Phased("a", now)
    assert first.is_settled
    assert first.moved_on(now + 9 * OVERLAP, OVERLAP) is None
    announced = first.announced("b", now)
    assert (announced.current, announced.known) == ("a", ("a", "b"))
    assert announced.moved_on(now + OVERLAP * 0.99, OVERLAP) is None
    turned = announced.moved_on(now + OVERLAP, OVERLAP)
    assert turned is not None
    assert (turned.current, turned.known, turned.since) == ("b", ("b", "a"), now + OVERLAP)
    assert turned.moved_on(now + OVERLAP * 1.99, OVERLAP) is None
    settled = turned.moved_on(now + 2 * OVERLAP, OVERLAP)
    assert settled == Phased("b", now + 2 * OVERLAP)


def test_a_phase_that_began_in_the_future_begins_again(now: datetime) -> None:
    wrong = Phased("a", now + timedelta(days=1), next="b")
    again = wrong.moved_on(now, OVERLAP)
    assert again == Phased("a", now, next="b")
    # Clocks of several API servers differ a little, and that is none.
    assert Phased("a", now + OVERLAP / 2, next="b").moved_on(now, OVERLAP) is None
