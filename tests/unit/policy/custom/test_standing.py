"""When a package has failed too often."""

from webhook.policy.custom.standing import MOST_IN_WINDOW, WINDOW_SECONDS, Standing


def test_three_in_a_row_are_too_many() -> None:
    one = Standing()
    assert [one.ended(now) for now in (0, 1000, 2000)] == [False, False, True]
    assert one.is_off
    assert not one.ended(2001), "it is told once"
    assert one.is_off


def test_an_answer_between_them_begins_a_new_row() -> None:
    one = Standing()
    for now in range(0, 10_000, 1000):
        assert not one.ended(now)
        one.answered()


def test_five_in_ten_minutes_are_too_many_even_with_answers_between() -> None:
    one = Standing()
    ended = []
    for now in range(MOST_IN_WINDOW):
        ended.append(one.ended(now * WINDOW_SECONDS / (MOST_IN_WINDOW - 1)))
        one.answered()
    assert ended == [False] * (MOST_IN_WINDOW - 1) + [True]


def test_five_in_a_little_more_are_not() -> None:
    one = Standing()
    for now in range(20):
        assert not one.ended(now * (WINDOW_SECONDS / (MOST_IN_WINDOW - 1) + 1))
        one.answered()
