"""What `make mutation` runs against each mutant, beside unit tests: the cases about autoscalers.

The same checks as in tests/cases, several cases to a test: for each mutant pytest collects once
more, and that would cost more than the cases themselves where each is a test of its own.
"""

import pytest

from tests.cases.case import Case, cases
from tests.cases.check import check
from tests.cases.test_cases import judge_for
from tests.cases.test_fixes import WITH_A_FIX
from tests.cases.test_fixes import test_a_fix_takes_what_the_metrics_read_and_nothing_else as fixes

PER_TEST = 10
ABOUT = ("hpa-", "vpa-", "duplicate-", "workload-changes", "modes", "passes", "training-evictable")
CASES = [case for case in cases() if case.path.parent.name.startswith(ABOUT)]


def groups(of: list[Case]) -> list[list[Case]]:
    return [of[start : start + PER_TEST] for start in range(0, len(of), PER_TEST)]


@pytest.mark.parametrize("group", groups(CASES))
def test_cases(group: list[Case]) -> None:
    for case in group:
        check(case, judge_for(case))


@pytest.mark.parametrize("group", groups(WITH_A_FIX))
def test_fixes(group: list[Case]) -> None:
    for case in group:
        fixes(case)
