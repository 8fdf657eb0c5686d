"""The form of the document that rules read, as JSON Schema."""

import json
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(__file__).resolve().parent / "document.schema.json"


def schema() -> dict[str, Any]:
    """Return the schema of the document, of both kinds of it."""
    read: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return read
