"""Which update modes are used: those that the cluster's own VPA takes."""

from typing import Any

import pytest

from tests.unit.controller.leases import Time
from webhook.cluster.errors import ApiError
from webhook.controller.modes import KEPT_SECONDS, Modes

SURE = {"Off", "Initial", "Recreate"}


class Taking:
    """A writer before a cluster that takes some modes."""

    def __init__(self, *takes: str) -> None:
        self.takes = set(takes)
        self.tried: list[dict[str, Any]] = []
        self.error: ApiError | None = None
        self.policy = ""

    def refusal(self, vpa: dict[str, Any]) -> str | None:
        self.tried.append(vpa)
        if self.error is not None:
            raise self.error
        if self.policy:
            return self.policy
        mode = vpa["spec"]["updatePolicy"]["updateMode"]
        said = f'VPA is invalid: spec.updatePolicy.updateMode: Unsupported value: "{mode}"'
        return None if mode in self.takes else said


def modes(taking: Taking, time: Time) -> Modes:
    return Modes(taking, "guard", time)  # type: ignore[arg-type]  # all that is asked of it


@pytest.mark.parametrize("takes", [(), ("InPlaceOrRecreate",), ("InPlaceOrRecreate", "InPlace")])
def test_those_in_doubt_are_tried(takes: tuple[str, ...]) -> None:
    assert modes(Taking(*takes), Time()).accepted() == SURE | set(takes)


def test_what_is_tried_is_a_vpa_on_nothing() -> None:
    taking = Taking()
    modes(taking, Time()).accepted()
    name = "scaleguard-tries-a-mode"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    assert taking.tried == [
        {
            "apiVersion": "autoscaling.k8s.io/v1",
            "kind": "VerticalPodAutoscaler",
            "metadata": {"name": name, "namespace": "guard"},
            "spec": {"targetRef": target, "updatePolicy": {"updateMode": mode}},
        }
        for mode in ("InPlace", "InPlaceOrRecreate")
    ]


def test_an_answer_is_kept_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    taking, time = Taking("InPlaceOrRecreate"), Time()
    asked = modes(taking, time)
    for _ in range(5):
        assert asked.accepted() == SURE | {"InPlaceOrRecreate"}
    time.seconds = KEPT_SECONDS - 1
    asked.accepted()
    assert len(taking.tried) == 2
    taking.takes.add("InPlace")
    time.seconds = KEPT_SECONDS
    assert "InPlace" in asked.accepted()
    assert len(taking.tried) == 4
    assert caplog.messages == [
        "update modes of this cluster's VPA: InPlace, InPlaceOrRecreate, Initial, Off, Recreate",
    ]


def test_a_refusal_that_is_not_of_the_mode_leaves_what_is_known(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taking, time = Taking(), Time()
    taking.policy = 'Forbidden: admission webhook "names" denied the request: no team label'
    asked = modes(taking, time)
    assert asked.accepted() == SURE | {"InPlaceOrRecreate"}, "as VPA is installed"
    said = f"whether this cluster's VPA takes mode InPlace is not known: {taking.policy}"
    assert caplog.messages[0] == said
    taking.policy, time.seconds = "", KEPT_SECONDS
    assert asked.accepted() == SURE
    taking.policy, time.seconds = "Forbidden: quota", 2 * KEPT_SECONDS
    assert asked.accepted() == SURE, "as it was found before"


def test_where_it_cannot_be_told_it_is_asked_again() -> None:
    taking = Taking("InPlace")
    asked = modes(taking, Time())
    taking.error = ApiError(500, "InternalError", "a webhook is down")
    for _ in range(2):
        with pytest.raises(ApiError, match="a webhook is down"):
            asked.accepted()
    taking.error = None
    assert asked.accepted() == SURE | {"InPlace"}
