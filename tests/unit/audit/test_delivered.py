"""What is delivered is read whole, or refused with the place."""

from typing import Any

import pytest

from tests.unit.audit.batches import RECORD
from webhook.audit.delivered import Delivered, Delivery, read_delivery
from webhook.audit.stood import Telling, read_telling
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.standing import Standing

WHOLE: dict[str, Any] = {
    "cluster": "c",
    "replica": "r",
    "records": [{"record": RECORD.as_json(), "decisions": [["a", 1], ["b", 2.5]]}],
}


def test_a_delivery_is_read() -> None:
    told = Delivered(RECORD, (("a", 1.0), ("b", 2.5)))
    assert read_delivery(WHOLE) == Delivery("c", "r", (told,))
    assert read_delivery({"records": []}) == Delivery("", "", ())


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (None, "records: a list is needed"),
        ([1], "records: each has to be an object"),
        ([{}], r"records\[0\]\.record: a record needs action and object\.kind"),
        ([{"record": RECORD.as_json() | {"kind": "x"}}], r"records\[0\]\.record: 'x'"),
        ([{"record": RECORD.as_json()}], r"records\[0\]\.decisions: a list of"),
        ([{"record": RECORD.as_json(), "decisions": []}], r"records\[0\]\.decisions: a list of"),
        *(
            ([{"record": RECORD.as_json(), "decisions": [one]}], r"decisions: each has to be")
            for one in (
                *(1, "a", [], ["a"], ["", 1], ["a", "1"], ["a", True], ["a", -1], ["a", 1, 2]),
                *(["a", float("nan")], ["a", 1e300], ["a" * 129, 1], [1, 1]),
            )
        ),
    ],
)
def test_what_is_none_is_refused(records: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_delivery({"records": records})


TOLD = Telling(
    "c", "r", 20.5, (Standing(WorkloadKey("shop", "apps", "Deployment", "web"), (RECORD,)),), 10.0
)


@pytest.mark.parametrize("telling", [TOLD, Telling("c", "r", 1.0, ())], ids=["a pass", "nothing"])
def test_a_telling_is_read(telling: Telling) -> None:
    assert read_telling(telling.as_json()) == telling


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        *(({"at": one}, "at: seconds since 1970") for one in (None, True, "1", -1, 1e300)),
        *(({"passBegan": one}, "passBegan: null, or") for one in (True, "1", -1, 21)),
        ({"standings": None}, "standings: a list is needed"),
        ({"standings": [1]}, "standings: each has to be an object"),
        ({"standings": [{}]}, r"standings\[0\]: a standing needs workload\.kind"),
    ],
    ids=str,
)
def test_what_is_no_telling_is_refused(spoilt: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_telling(TOLD.as_json() | spoilt)
