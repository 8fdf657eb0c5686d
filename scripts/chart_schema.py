"""Put the schema of the configuration into that of the chart's values.

    python scripts/chart_schema.py

So `helm install` itself refuses a configuration that the program would not start with. What is
embedded has an `$id`, because its references mean its own definitions.
"""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "webhook" / "config.schema.json"
TARGET = ROOT / "charts" / "scaleguard" / "values.schema.json"


def embedded() -> dict[str, Any]:
    """Return the values' schema as it has to be."""
    schema: dict[str, Any] = json.loads(TARGET.read_text(encoding="utf-8"))
    config = json.loads(SOURCE.read_text(encoding="utf-8"))
    schema["properties"]["config"] = {"$id": "urn:scaleguard:config", **config}
    return schema


if __name__ == "__main__":
    TARGET.write_text(json.dumps(embedded(), indent=2) + "\n", encoding="utf-8")
