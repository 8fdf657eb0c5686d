"""What no test of a page may leave behind."""

import logging
import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands set logging up, and read variables that whoever runs this may have set."""
    for name in [name for name in os.environ if name.startswith("SCALEGUARD_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
