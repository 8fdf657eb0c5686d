"""A few different things are said of one object within an hour, and each again and again."""

from webhook.cluster.variety import _MOST_SUBJECTS, WINDOW_SECONDS, Variety


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_few_different_things_and_each_of_them_again() -> None:
    variety = Variety(2, Time())
    said = ["a", "b", "a", "c", "b", "c"]
    assert [variety.admits("web", one) for one in said] == [True, True, True, False, True, False]


def test_each_subject_has_its_own() -> None:
    variety = Variety(1, Time())
    assert variety.admits("web", "a")
    assert variety.admits("api", "b")
    assert not variety.admits("web", "b")


def test_the_next_hour_begins_anew() -> None:
    time = Time()
    variety = Variety(1, time)
    assert variety.admits("web", "a")
    time.now += WINDOW_SECONDS - 1
    assert not variety.admits("web", "b")
    time.now += 1
    assert variety.admits("web", "b")


def test_who_was_not_heard_of_for_longest_is_forgotten_where_there_are_too_many() -> None:
    variety = Variety(1, Time())
    for number in range(_MOST_SUBJECTS):
        variety.admits(number, "a")
    variety.admits(0, "a")  # heard of again
    variety.admits("one more", "a")
    assert not variety.admits(0, "b")
    assert len(variety._windows) == _MOST_SUBJECTS
    assert variety.admits(1, "b")  # forgotten
