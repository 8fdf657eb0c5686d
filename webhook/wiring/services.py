"""Who judges, and in which world: manifests that never change, or a cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from webhook.core.decide import Decision, Judge
from webhook.core.frozen import frozen
from webhook.core.review import Request
from webhook.core.world import World
from webhook.errors import ScaleguardError
from webhook.manifests import Document, Unreadable, read
from webhook.policy.engine import for_request, remarks

if TYPE_CHECKING:
    from webhook.cluster.state import ClusterState
    from webhook.reload.reloading import Reloading


@frozen
class StaticService:
    """A world of manifests that never change, and who judges in it."""

    reloading: "Reloading"
    manifests: World

    @property
    def judge(self) -> Judge:
        """The last good one, for one request."""
        return for_request(self.reloading.judge)

    def decided(self, _asked: Request, decide: Callable[[World], Decision], /) -> Decision:
        """Decide in the world of the manifests."""
        return decide(self.manifests)

    def not_ready(self) -> list[str]:
        """Everything was loaded before the server began."""
        return []

    def remarks(self) -> list[str]:
        """Say which rules are switched off."""
        return remarks(self.reloading.judge)


def static_world(judge: Judge, manifests: Path) -> World:
    """Load a folder of manifests as the state of the cluster.

    Raises `ScaleguardError` naming every manifest that cannot be read: judging by a part of the
    state would let conflicts through.
    """
    entries = list(read([str(manifests)], bytes))
    broken = [entry for entry in entries if isinstance(entry, Unreadable)]
    if broken:
        lines = "".join(f"\n  {entry.source}: {entry.reason}" for entry in broken)
        raise ScaleguardError(f"--manifests: {len(broken)} cannot be read:{lines}")
    objects = (entry.raw for entry in entries if isinstance(entry, Document))
    return World.of(objects, judge.knowledge.kinds)


@frozen
class ClusterService:
    """A cluster that is followed, and who judges what happens there."""

    reloading: "Reloading"
    state: "ClusterState"

    @property
    def judge(self) -> Judge:
        """The last good one, for one request."""
        return for_request(self.reloading.judge)

    def decided(self, asked: Request, decide: Callable[[World], Decision], /) -> Decision:
        """Decide in the world of a request."""
        return self.state.decided(asked, decide)

    def not_ready(self) -> list[str]:
        """Say what of the cluster is not known yet, or not known any more."""
        return self.state.not_ready()

    def remarks(self) -> list[str]:
        """Say which rules are switched off."""
        return remarks(self.reloading.judge)
