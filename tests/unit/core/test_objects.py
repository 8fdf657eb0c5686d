from typing import Any

import pytest

from webhook.core.objects import LAST_APPLIED_ANNOTATION, without_bookkeeping


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        ({"name": "a", "managedFields": [{"manager": "me"}]}, {"name": "a"}),
        ({"annotations": {LAST_APPLIED_ANNOTATION: "{}", "a": "b"}}, {"annotations": {"a": "b"}}),
        ({"annotations": {LAST_APPLIED_ANNOTATION: "{}"}}, {"annotations": {}}),
        ({"annotations": {"a": "b"}, "labels": {}}, {"annotations": {"a": "b"}, "labels": {}}),
        (None, {}),
    ],
)
def test_bookkeeping_is_left_out(metadata: Any, kept: dict[str, Any]) -> None:
    raw = {"kind": "Pod", "metadata": metadata, "spec": {}}
    assert without_bookkeeping(raw) == {"kind": "Pod", "metadata": kept, "spec": {}}
    assert raw["metadata"] is metadata, "what was sent stays as it is"
