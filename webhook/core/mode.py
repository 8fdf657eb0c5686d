"""How far scaleguard goes: all the way, no further than words, or no further than its own books."""

from enum import StrEnum

from webhook.core.finding import Action


class Mode(StrEnum):
    """What may come of a judgement."""

    ENFORCE = "enforce"
    WARN = "warn"
    """Nobody is refused; who would be is warned. Pods are fitted."""
    AUDIT = "audit"
    """Nobody notices anything: it is only recorded what would have been done."""

    @property
    def strongest(self) -> Action:
        """The most that becomes of a finding."""
        return {
            Mode.ENFORCE: Action.DENY,
            Mode.WARN: Action.WARN,
            Mode.AUDIT: Action.AUDIT,
        }[self]

    @property
    def acts(self) -> bool:
        """Whether anything is written or said: patches of pods, VPAs, warnings."""
        return self is not Mode.AUDIT
