"""A pass of the scan: every workload once, and then what was not seen is gone."""

from collections.abc import Iterable

from webhook.core.autoscalers.target import WorkloadKey


class Pass:
    """Which workloads of a pass are still to be told of."""

    def __init__(self, keys: Iterable[WorkloadKey], began: float, at: float) -> None:
        """`began` in seconds since 1970, `at` by the clock that measures."""
        self._left = set(keys)
        self.count = len(self._left)
        self.began = began
        self.at = at

    @property
    def left(self) -> int:
        """How many are left."""
        return len(self._left)

    def __contains__(self, key: WorkloadKey) -> bool:
        """Whether a workload is still to be told of."""
        return key in self._left

    def done(self, key: WorkloadKey) -> None:
        """Note that a workload was told of, or that there is nothing to tell of it."""
        self._left.discard(key)

    def ends_with(self, keys: Iterable[WorkloadKey]) -> bool:
        """Whether nothing is left once these were told of."""
        return self._left <= set(keys)
