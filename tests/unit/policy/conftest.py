"""Rego files made for one test."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below a new folder: `write("rules", {"a.rego": "package a"})`."""

    def written(folder: str, files: dict[str, str]) -> Path:
        top = tmp_path / folder
        for name, text in files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return top

    return written
