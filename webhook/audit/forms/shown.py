"""What every form shows of a finding, as text."""

from datetime import UTC, datetime

from webhook.audit.findings import Found
from webhook.core.frozen import frozen
from webhook.core.record import Record, read_record


@frozen
class Shown:
    """A finding, and its record read."""

    found: Found
    record: Record

    @property
    def object(self) -> str:
        """What it is about; what a controller makes is told after its owner."""
        ref, owner = self.record.object, self.record.owner
        if owner is None:
            return str(ref)
        place = f"{ref.namespace}/" if ref.namespace else ""
        name = ref.name if ref.name is not None else f"{ref.generate_name or ''}*"
        return f"{owner.kind} {place}{owner.name} ({ref.kind} {name})"

    @property
    def action(self) -> str:
        """What was done, what it would have been in mode enforce, and whether it is over."""
        would, is_over = self.record.would, self.found.resolved is not None
        said = f"{self.record.action} (would {would})" if would else self.record.action
        return f"{said} (over)" if is_over else said

    @property
    def rule(self) -> str:
        """The rule; of what has none its kind."""
        return self.record.rule or self.record.kind.value


def shown(found: Found) -> Shown:
    """Read the record of a finding."""
    return Shown(found, read_record(found.record))


def moment(seconds: float) -> str:
    """Write a time, to the second, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
