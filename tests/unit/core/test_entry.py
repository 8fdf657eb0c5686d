from typing import Any

import pytest

from tests.unit.core.autoscalers import asked, at, hpa, scaled_object, vpa
from webhook.core.entry import Entry, as_version, claims_anew, entry_of, version_of

MANY = [{"containerName": f"c{number}", "minAllowed": {"cpu": "1"}} for number in range(300)]
LARGE = vpa(resourcePolicy={"containerPolicies": MANY})


@pytest.mark.parametrize(
    ("raw", "is_new"),
    [
        (hpa(), True),
        (vpa(), True),
        (scaled_object(), True),
        (vpa(updatePolicy={"updateMode": "Off"}), False),
        (vpa(targetRef={}), False),
        (at(hpa(), 1, deletionTimestamp="2026-01-01T00:00:00Z"), False),
        ({**hpa(), "apiVersion": "apps/v1", "kind": "Deployment"}, False),
    ],
)
def test_what_acts_on_something_claims_it(raw: dict[str, Any], is_new: bool) -> None:  # noqa: FBT001
    assert claims_anew(asked(raw)) is is_new


def test_update_claims_only_what_judgements_read() -> None:
    old = at(hpa(), 5)
    assert not claims_anew(asked(at(hpa(), 5, labels={"a": "b"}), old))
    assert claims_anew(asked(hpa(minReplicas=4), old))
    assert claims_anew(asked(hpa(), at(hpa(), 5, annotations={"scaleguard.io/exempt": "a"})))


def test_what_comes_of_a_request_is_told_by_its_uid_or_a_later_version() -> None:
    created = entry_of(asked(hpa()), 90)
    assert (created.uid, created.after, created.target) == ("uid-h", 0, created.target)
    assert created.is_written(at(hpa(), 3))
    assert not created.is_written(at(hpa(), 99, uid="another"))
    updated = entry_of(asked(hpa(minReplicas=2), at(hpa(), 5)), 90)
    assert updated.after == 5
    assert not updated.is_written(at(hpa(), 5))
    assert updated.is_written(at(hpa(), 6))


def test_without_a_uid_it_is_later_than_what_was_known() -> None:
    nameless = hpa()
    del nameless["metadata"]["uid"]
    created = entry_of(asked(nameless), 90)
    assert (created.uid, created.after) == (None, 90)
    assert not created.is_written(at(hpa(), 90))
    assert created.is_written(at(hpa(), 91))
    assert entry_of(asked(hpa(), nameless), 90).after == 90


def test_too_large_an_object_is_told_by_what_it_acts_on() -> None:
    entry = entry_of(asked(LARGE), 1)
    assert not entry.is_whole
    assert entry.object["spec"] == {"targetRef": LARGE["spec"]["targetRef"]}
    assert entry.target == entry_of(asked(vpa()), 1).target


def test_entry_replaces_what_it_says_again() -> None:
    first = entry_of(asked(hpa(), uid="1"), 0)
    again = {**hpa(), "metadata": {**hpa()["metadata"], "uid": "next"}}
    assert entry_of(asked(again, uid="2"), 0).replaces(first)
    assert not entry_of(asked(hpa(minReplicas=2), uid="2"), 0).replaces(first)
    assert not entry_of(asked(hpa("other"), uid="2"), 0).replaces(first)
    assert entry_of(asked(hpa("other"), uid="1"), 0).replaces(first)


def test_of_objects_still_to_be_named_each_is_its_own() -> None:
    raw = hpa()
    raw["metadata"] = {"namespace": "shop", "generateName": "h-"}
    first, second = (entry_of(asked(raw, uid=uid), 0) for uid in "12")
    assert not second.replaces(first)


def test_entry_of_a_kind_that_is_not_known_acts_on_nothing() -> None:
    assert Entry("1", {"kind": "Robot"}, 0).target is None


@pytest.mark.parametrize(
    ("written", "version"), [("12", 12), ("", 0), ("x", 0), ("-1", 0), ("٣", 0), ("9" * 5000, 0)]
)
def test_versions_are_numbers(written: str, version: int) -> None:
    assert as_version(written) == version
    assert version_of({"metadata": {"resourceVersion": written}}) == version
