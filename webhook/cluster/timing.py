"""How long to wait for what, and how long after a failure."""

from collections.abc import Callable

from webhook.core.frozen import frozen

STALE_SECONDS = 90.0


@frozen
class Timing:
    """Times of a watch.

    An API server says little about a resource that does not change: a bookmark once a minute (seen
    with 1.37), and by its source none while nothing at all has come from etcd about the resource
    since its own start (`lastProcessedResourceVersion`, k8s.io/apiserver pkg/storage/cacher). So a
    watch is asked to end well before it would count as stale: its end is a sign of life too.
    """

    stale_seconds: float = STALE_SECONDS
    """Silence for so long makes the process unready."""
    look_again_seconds: float = 3.0
    """How often discovery is asked for a CRD that is not there."""
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 5.0

    @property
    def server_seconds(self) -> int:
        """When the server is to end a watch: two of them fit into the limit."""
        return max(1, int(self.stale_seconds / 2))

    @property
    def page_seconds(self) -> float:
        """How long a page of a list is waited for: there is time for another try."""
        return max(5.0, self.stale_seconds / 3)

    @property
    def discovery_seconds(self) -> float:
        """How long an answer of some hundred bytes is waited for, where a resource is absent.

        On a connection that carries nothing any more the question is asked again before its answer
        counts as stale: that one has waited to be looked for, and is paused after a failure.
        """
        return self.stale_seconds / 4

    @property
    def read_seconds(self) -> float:
        """How long a silent connection is believed in: until the server should have ended it."""
        return self.server_seconds + max(1.0, self.stale_seconds / 18)

    def pause(self, failures: int, jitter: Callable[[], float]) -> float:
        """Double from failure to failure up to a limit; `jitter` gives 0 to 1 and takes up to half.

        Without it, all replicas would come back to a restarted API server in the same moment.
        """
        doubled = self.first_pause_seconds * 2.0 ** min(failures - 1, 16)
        longest = min(self.longest_pause_seconds, self.stale_seconds / 6)
        return min(longest, doubled) * (1 - jitter() / 2)
