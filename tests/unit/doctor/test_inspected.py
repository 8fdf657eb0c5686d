"""What certificates say, and how far a rotation has come."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certs.authority import Names, issue_leaf
from certs.pair import Bundle, Pair
from tests.unit.cluster.fake import Answer, FakeApi, status
from tests.unit.doctor.facts import AUTHORITY, LEAF, NOW, OTHER, installation
from tests.unit.doctor.test_fetching import api
from webhook.core.objects import ROTATE_ANNOTATION
from webhook.doctor.fetching import rotating
from webhook.doctor.fetching.cluster import Cluster
from webhook.doctor.fetching.rotating import Rotation, is_over, seen
from webhook.doctor.inspected import inspect_bundle, inspect_pem
from webhook.errors import ScaleguardError

__all__ = ["api"]

BUNDLE = Bundle(AUTHORITY, LEAF)
NEW_LEAF = issue_leaf(AUTHORITY, Names.of(["scaleguard.guard.svc"]), NOW)
LEAF_ONLY = Bundle(AUTHORITY, NEW_LEAF)
BOTH_TRUSTED = Bundle(Pair(OTHER.certificate + AUTHORITY.certificate), LEAF)
OVER = Bundle(Pair(OTHER.certificate), issue_leaf(OTHER, Names.of(["x"]), NOW))

AUTHORITY_PATH = "/api/v1/namespaces/guard/secrets/scaleguard-authority"
LEAF_PATH = "/api/v1/namespaces/guard/secrets/scaleguard-certificate"


def test_a_bundle() -> None:
    authority, leaf = inspect_bundle(BUNDLE, NOW)
    assert (authority.role, leaf.role) == ("authority", "certificate")
    assert (authority.days_left, leaf.days_left) == (3650, 90)
    assert (authority.problems, leaf.problems) == ((), ())
    told = leaf.as_json()
    assert told["dnsNames"] == ["scaleguard.guard.svc"]
    assert told["notAfter"] == "2026-08-30T00:00:00Z"
    assert told["renewal"].startswith("2026-07-30T")
    assert len(told["sha256"]) == 64


@pytest.mark.parametrize(
    ("bundle", "days", "problem"),
    [
        (BUNDLE, 91, "expired at 2026-08-30T00:00:00Z"),
        (BUNDLE, -1, "not valid before 2026-05-31T23:55:00Z"),
        (Bundle(OTHER, LEAF), 0, "signed by none of these authorities"),
        (Bundle(AUTHORITY, Pair(LEAF.certificate, OTHER.key)), 0, "tls.key does not belong"),
        (Bundle(AUTHORITY, Pair(LEAF.certificate)), 0, "tls.key is missing"),
    ],
)
def test_problems(bundle: Bundle, days: int, problem: str) -> None:
    *_, leaf = inspect_bundle(bundle, NOW + timedelta(days=days))
    (said,) = leaf.problems
    assert said.startswith(problem)


def test_a_file() -> None:
    both = inspect_pem(LEAF.certificate + AUTHORITY.certificate, NOW)
    assert [one.role for one in both] == ["certificate", "authority"]
    for nothing in (b"", LEAF.key):
        with pytest.raises(ValueError, match="no PEM certificate"):
            inspect_pem(nothing, NOW)
    with pytest.raises(ValueError, match="no PEM certificate"):
        inspect_bundle(Bundle(), NOW)


def test_steps_of_a_rotation() -> None:
    assert seen(BUNDLE, BUNDLE, begun=False) == []
    assert seen(BUNDLE, BOTH_TRUSTED, begun=True) == [
        "the controller has begun",
        "the authorities that are trusted have changed",
    ]
    assert seen(BUNDLE, OVER, begun=True)[-1] == "a new certificate is there to be served"
    assert [is_over(BUNDLE, now, "leaf") for now in (BUNDLE, BOTH_TRUSTED, LEAF_ONLY)] == [
        *(False, False, True),
    ]
    assert [is_over(BUNDLE, now, "authority") for now in (BOTH_TRUSTED, LEAF_ONLY, OVER)] == [
        *(False, False, True),
    ]


def secret(bundle: Bundle | None = None, asked: str = "") -> Answer:
    annotations = {ROTATE_ANNOTATION: asked} if asked else {}
    raw: dict[str, Any] = {"metadata": {"annotations": annotations}, "data": {}}
    if bundle is not None:
        files = {"ca.crt": bundle.authority.certificate, "tls.crt": bundle.leaf.certificate}
        raw["data"] = {name: base64.b64encode(one).decode() for name, one in files.items()}
    return Answer(body=json.dumps(raw).encode())


def rotation(api: FakeApi, folder: Path) -> Rotation:
    return Rotation(Cluster(api.api(folder)), installation(), "leaf", BUNDLE)


def test_the_controller_is_asked_by_an_annotation(api: FakeApi, tmp_path: Path) -> None:
    api.on(AUTHORITY_PATH, secret())
    rotation(api, tmp_path).ask()
    (asked,) = api.asked
    assert (asked.method, asked.headers["Content-Type"]) == (
        "PATCH",
        "application/merge-patch+json",
    )
    assert json.loads(asked.body) == {"metadata": {"annotations": {ROTATE_ANNOTATION: "leaf"}}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(404, "NotFound"), "does not make these certificates itself"),
        (status(403, "Forbidden"), "you may not patch Secret guard/scaleguard-authority"),
        (status(500, "InternalError", "oops"), "InternalError: oops"),
    ],
)
def test_what_cannot_be_asked(api: FakeApi, tmp_path: Path, answer: Answer, said: str) -> None:
    api.on(AUTHORITY_PATH, answer)
    with pytest.raises(ScaleguardError, match=said):
        rotation(api, tmp_path).ask()


def test_a_rotation_is_followed(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "_PAUSE_SECONDS", 0.01)
    api.on(AUTHORITY_PATH, secret(asked="leaf"), secret(), secret())
    api.on(LEAF_PATH, secret(BUNDLE), secret(BUNDLE), secret(LEAF_ONLY))
    told: list[str] = []
    after = rotation(api, tmp_path).follow(5, told.append)
    assert after.leaf.certificate == NEW_LEAF.certificate
    assert told == ["the controller has begun", "a new certificate is there to be served"]


def test_a_rotation_that_nobody_begins(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "_PAUSE_SECONDS", 0.01)
    api.on(AUTHORITY_PATH, secret(asked="leaf"))
    api.on(LEAF_PATH, secret(LEAF_ONLY))
    with pytest.raises(ScaleguardError, match=r"not done after 0\.05 s: a new certificate"):
        rotation(api, tmp_path).follow(0.05, lambda _step: None)
    api.on(LEAF_PATH, status(403, "Forbidden"))
    with pytest.raises(ScaleguardError, match="you may not get secrets scaleguard-certificate"):
        rotation(api, tmp_path).follow(0.05, lambda _step: None)
