"""However steps, slow answers, losses and clocks interleave: never two leaders."""

from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.controller.leases import Candidate, LeaseServer, Time
from webhook.cluster.errors import ApiError

# A request is given up after 5 s, and its two together take a step.
_DELAYS = st.sampled_from([0.0, 0.0, 0.1, 2.4, 4.9])


class Event(NamedTuple):
    """What happens to one request."""

    sent: float
    """How long until it has its effect."""
    answered: float
    """How long until the answer is there."""
    meanwhile: bool
    """Whether the other one makes a whole step before the effect."""
    lost: str
    """`sent`: it never arrives. `answer`: it has its effect, and nobody is told."""


class Step(NamedTuple):
    """One candidate's next step, after a while."""

    who: int
    after: float
    deleted: bool
    """Whether somebody deletes the Lease before it."""
    released: bool
    """Whether the candidate ends and comes again, rather than steps."""


_EVENTS = st.builds(Event, _DELAYS, _DELAYS, st.booleans(), st.sampled_from(["", "sent", "answer"]))
_STEPS = st.builds(
    Step,
    st.sampled_from([0, 1]),
    st.sampled_from([0.0, 1.0, 2.0, 4.0, 5.0, 10.0, 14.9, 15.0]),
    st.integers(0, 19).map(lambda one: one == 0),
    st.integers(0, 19).map(lambda one: one == 0),
)


class Race:
    """Two candidates, and what befalls their requests."""

    def __init__(self, events: list[Event]) -> None:
        self.time = Time()
        self.server = LeaseServer(before=self._before, after=self._after)
        self.both = [
            Candidate(self.server, self.time, "ada"),
            Candidate(self.server, self.time, "bob", ahead=7777.0),
        ]
        self.events = iter(events)
        self.at: list[tuple[int, Event]] = []
        self.stepping: list[int] = []
        self.seen = False

    def pass_time(self, seconds: float) -> None:
        self.time.seconds += seconds
        self.check()

    def check(self) -> None:
        assert sum(one.leads for one in self.both) < 2, "two leaders"

    def step(self, who: int) -> None:
        self.stepping.append(who)
        self.both[who].step()
        self.stepping.pop()
        self.check()

    def _before(self, _verb: str) -> None:
        who = self.stepping[-1]
        event = next(self.events, Event(0.0, 0.0, meanwhile=False, lost=""))
        self.at.append((who, event))
        self.pass_time(event.sent)
        if event.lost == "sent":
            self.at.pop()
            raise ApiError(0, "DeadlineExceeded")
        if event.meanwhile and 1 - who not in self.stepping:
            self.step(1 - who)

    def _after(self, _verb: str) -> None:
        _, event = self.at.pop()
        self.check()
        self.pass_time(min(event.answered, 4.9 - event.sent))
        if event.lost == "answer":
            raise ApiError(0, "DeadlineExceeded")


# Found by chance: deleted again and again, between the looks of who then made it.
@example(
    [Event(0.0, 0.0, meanwhile=True, lost="")],
    [
        Step(0, 0.0, deleted=True, released=False),
        Step(1, 10.0, deleted=True, released=False),
        *(Step(0, after, deleted=True, released=True) for after in (1.0, 1.0)),
        Step(0, 1.0, deleted=True, released=True),
        Step(0, 2.0, deleted=True, released=True),
        Step(0, 5.0, deleted=True, released=True),
        Step(1, 5.0, deleted=True, released=False),
        Step(0, 0.0, deleted=True, released=False),
    ],
)
@example(
    [Event(0.0, 0.0, meanwhile=True, lost="")],
    [
        Step(0, 0.0, deleted=True, released=False),
        Step(1, 10.0, deleted=True, released=False),
        Step(0, 5.0, deleted=True, released=False),
        Step(0, 5.0, deleted=True, released=False),
        Step(1, 5.0, deleted=True, released=False),
        Step(0, 0.0, deleted=True, released=False),
    ],
)
@settings(max_examples=150, deadline=None)
@given(st.lists(_EVENTS, max_size=60), st.lists(_STEPS, min_size=4, max_size=40))
def test_never_two_leaders(events: list[Event], steps: list[Step]) -> None:
    race = Race(events)
    for who in (0, 1):
        race.step(who)
    for step in steps:
        race.pass_time(step.after)
        known = all(one.election._seen is not None for one in race.both)
        if step.deleted and known:
            race.server.lease = None
        if step.released:
            race.stepping.append(step.who)
            race.both[step.who].election.stop()
            race.stepping.pop()
            race.check()
        else:
            race.step(step.who)


@settings(max_examples=50, deadline=None)
@given(st.lists(_EVENTS, max_size=30), st.lists(_STEPS, max_size=20))
def test_after_any_trouble_there_is_one_again(events: list[Event], steps: list[Step]) -> None:
    race = Race(events)
    for step in steps:
        race.pass_time(step.after)
        race.step(step.who)
    race.events = iter(())
    for _ in range(20):
        race.pass_time(2.0)
        for who in (0, 1):
            race.step(who)
    assert sum(one.leads for one in race.both) == 1
