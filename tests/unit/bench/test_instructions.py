import pytest

from tests.bench.instructions import baseline, count, grown, why_not


@pytest.mark.slow
def test_no_review_takes_many_more_instructions_than_the_baseline() -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    recorded = baseline()
    assert recorded is not None
    counted = count()
    assert counted.keys() == recorded.keys()
    assert grown(counted, recorded) == []


def test_growth_is_told_beyond_its_bound_alone() -> None:
    assert grown({"gpu-pod": 1_150}, {"gpu-pod": 1_000}) == []
    (said,) = grown({"gpu-pod": 1_151}, {"gpu-pod": 1_000})
    assert said == "gpu-pod: 1,151 instructions a review, +15.1% over the baseline of 1,000"
