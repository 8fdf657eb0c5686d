"""Before a denial: what it names is read, in case it is not as the watches know it any more."""

from webhook.cluster.counterparts import Corrected, Counterparts, Decide, Identity, Watched
from webhook.cluster.errors import ApiError
from webhook.cluster.fresh import RESOURCES, Fresh
from webhook.cluster.postponed import Postponed
from webhook.core.decide import Decision
from webhook.core.entry import Entry, version_of
from webhook.core.fields import Raw
from webhook.core.finding import Action
from webhook.core.objects import ObjectRef, uid_of
from webhook.core.world import Autoscaler, read_autoscaler

# One is the rule: the first that is still there settles it. Each takes a millisecond or two.
MOST_READS = 8


class Denials:
    """Reads what denials name, and has it judged again where it is not what it was."""

    def __init__(self, watched: Watched, fresh: Fresh) -> None:
        self._watched = watched
        self._fresh = fresh

    def confirmed(
        self, denied: Decision, decide: Decide, until: float
    ) -> tuple[Decision, Counterparts]:
        """Return a denial that holds, or what is decided instead; and the counterparts of it.

        Without the right to read it a denial stands: the watches are behind by milliseconds,
        mostly. Raises `Postponed` where it cannot be read at this moment.
        """
        corrections: dict[Identity, Autoscaler | None] = {}
        decision, among = denied, Corrected(self._watched, corrections)
        for _ in range(MOST_READS):
            named = None if decision.allowed else _named(decision)
            if named is None or named.identity in corrections:
                break
            try:
                raw = self._fresh.read(named, until)
            except ApiError as error:
                if error.is_forbidden:
                    break
                why = f"{named} cannot be read at this moment, and may not be what it was: {error}"
                raise Postponed("unconfirmed", why) from error
            if raw is not None and self._is_known(named, raw):
                break
            corrections[named.identity] = read_autoscaler(raw) if raw is not None else None
            among = Corrected(self._watched, corrections)
            decision = self._judged(decide, among)
        return decision, among

    def among_written(
        self, late: list[Entry], among: Counterparts, decide: Decide, until: float
    ) -> Decision | None:
        """Judge by what came of entries though no watch has told of it; None unless it denies."""
        written: dict[Identity, Autoscaler | None] = {}
        for entry in late[:MOST_READS]:
            try:
                raw = self._fresh.read(entry.ref, until)
            except ApiError:
                break
            if raw is not None and entry.is_written(raw):
                written[entry.ref.identity] = read_autoscaler(raw)
        if not written:
            return None
        decision = self._judged(decide, Corrected(among, written))
        return None if decision.allowed else decision

    def _is_known(self, ref: ObjectRef, raw: Raw) -> bool:
        held = self._watched.named(ref)
        return held is not None and (held.uid, held.version) == (uid_of(raw), version_of(raw))

    @staticmethod
    def _judged(decide: Decide, among: Counterparts) -> Decision:
        return decide(lambda: among)


def _named(denied: Decision) -> ObjectRef | None:
    """The first counterpart that a denial names; None where it denies for another reason."""
    for finding in denied.findings:
        if finding.action is Action.DENY:
            ref = finding.related[0] if finding.related else None
            return ref if ref is not None and ref.group_kind in RESOURCES else None
    return None
