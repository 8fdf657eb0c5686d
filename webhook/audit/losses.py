"""Why a record that should have been kept is not: each is counted, none fails an admission."""

from enum import StrEnum


class Loss(StrEnum):
    """What became of it."""

    FULL = "full"
    """The spool is full, and this was the newest of whoever has most in it."""
    BUSY = "busy"
    """Another process was writing for too long."""
    UNWRITABLE = "unwritable"
    """The disk is full, or read-only, or the folder is gone."""
    CORRUPT = "corrupt"
    """The file was damaged; it is set aside, with what nobody had delivered yet."""
    REFUSED = "refused"
    """Whoever takes deliveries will never take this one."""
