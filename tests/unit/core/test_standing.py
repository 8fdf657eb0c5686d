import json

import pytest

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import ObjectRef
from webhook.core.record import Record, RecordKind
from webhook.core.standing import Standing, read_standing

WEB = WorkloadKey("shop", "apps", "Deployment", "web")
HPA = ObjectRef("autoscaling/v2", "HorizontalPodAutoscaler", "shop", "web")
FOUND = Record(
    *(RecordKind.SCAN, "hpa-vpa-same-metric", "deny", "", "enforce"),
    *("both act on cpu", HPA, "", ""),
    remedy="one of them",
    resource="cpu",
    workload="Deployment web",
)


@pytest.mark.parametrize(
    "standing",
    [Standing(WEB, (FOUND,), {"replicas": {"now": 2, "by": []}}), Standing(WEB, (FOUND,))],
    ids=["with who scales", "a finding alone"],
)
def test_a_standing_travels(standing: Standing) -> None:
    read = read_standing(json.loads(json.dumps(standing.as_json())))

    assert read == standing
    assert read.who_scales == standing.who_scales
    assert not read.is_empty


def test_one_of_which_nothing_is_told_is_empty() -> None:
    assert read_standing(Standing(WEB).as_json()).is_empty
    assert not Standing(WEB, (), {"replicas": {}}).is_empty


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"workload": {"kind": "Deployment"}}, "workload.kind and workload.name"),
        ({"workload": None}, "workload.kind and workload.name"),
        ({"records": None}, "needs records"),
        ({"records": ["web"]}, "each has to be an object"),
        ({"records": [{"kind": "scan"}]}, "a record needs action"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_none_is_refused(spoilt: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_standing(Standing(WEB, (FOUND,)).as_json() | spoilt)
