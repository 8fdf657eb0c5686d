"""When a package of custom rules has failed too often to be asked again."""

from collections import deque

# A rule that always runs away is off after three documents, one that does so now and then after
# five in ten minutes: each time, all custom rules are away for half a second.
MOST_IN_A_ROW = 3
MOST_IN_WINDOW = 5
WINDOW_SECONDS = 600.0


class Standing:
    """How one package did lately."""

    def __init__(self) -> None:
        self.is_off = False
        self._in_a_row = 0
        self._lately: deque[float] = deque(maxlen=MOST_IN_WINDOW)

    def answered(self) -> None:
        """Note an answer."""
        self._in_a_row = 0

    def ended(self, now: float) -> bool:
        """Note that its process had to be ended; say whether it is off from now on."""
        self._in_a_row += 1
        self._lately.append(now)
        within = now - self._lately[0] <= WINDOW_SECONDS
        often = len(self._lately) == MOST_IN_WINDOW and within
        was_off, self.is_off = self.is_off, self.is_off or often or self._in_a_row >= MOST_IN_A_ROW
        return self.is_off and not was_off
