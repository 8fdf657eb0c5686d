"""Faults that a person can mend: every message says what is wrong, where, and what to do."""


class ScaleguardError(Exception):
    """A fault with a message for the person at the terminal, shown without a traceback."""


class ConfigError(ScaleguardError):
    """The configuration is wrong; the message lists every fault."""


class PolicyError(ScaleguardError):
    """A policy cannot be loaded or is no rule."""
