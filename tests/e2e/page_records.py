"""A store as a large cluster leaves it: 10,000 findings, and some that somebody hostile wrote."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from tests.unit.audit.batches import delivery, record
from webhook.audit.stood import Telling
from webhook.audit.store.opened import Store, open_store
from webhook.audit.store.schema import bring_up
from webhook.audit.store.standing import take_standings
from webhook.audit.store.taking import take_in
from webhook.cli.main import cli
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import ObjectRef
from webhook.core.record import OwnerRef, Record, RecordKind
from webhook.core.standing import Standing

RECORDS: Final = 10_000
WORLD: Final = Path(__file__).with_name("page_world.yaml")

# Each would do harm, or hide itself, where it is taken for anything but text.
HOSTILE: Final = (
    "<img src=x onerror=\"document.title='pwned'\">",
    "\"><script>document.title='pwned'</script>",
    "javascript:document.title='pwned'",
    "{{constructor.constructor('alert(1)')()}}${alert(1)}",
    "</td></tr></table><h1>pwned</h1><svg onload=alert(1)>",
    "abc\u202egnp.exe\u2066\u200b",
    "'; DROP TABLE findings; --",
    "$(touch pwned)`touch pwned`",
    "x" * 3000,
    "a\tb\nc\x1b[31mred\x00",
)

REMEDY: Final = (
    'set controlledResources: [memory] for container "*" in VerticalPodAutoscaler {place}'
)

_TEAMS: Final = ("shop", "ml-serving", "research", "billing", "search")
_DAY: Final = 86_400.0
_AT_ONCE: Final = 500


def fill(url: str, count: int = RECORDS) -> None:
    """Fill a new store; the newest findings are the hostile ones."""
    store = open_store(url)
    bring_up(store)
    now = time.time()
    told = [*_hostile(now), *_ordinary(now, count - len(HOSTILE))]
    for begin in range(0, len(told), _AT_ONCE):
        take_in(store, delivery(*told[begin : begin + _AT_ONCE], cluster="prod-eu"))
    _stand(store, now)
    store.close()


Told = tuple[Record, list[tuple[str, float]]]


def hostile(text: str) -> Record:
    """A denial in which everything that comes from manifests and users is hostile."""
    ref = ObjectRef(f"v1/{text}", text, "shop", text)
    return replace(
        record(),
        object=ref,
        message=text,
        remedy=f"fix {text}",
        user=text,
        groups=(text,),
        workload=f"Deployment {text}",
        path=text,
        containers=(text,),
        related=(ref,),
        owner=OwnerRef("apps", "Deployment", text),
        fields={"metadata": {"annotations": {text: text}}},
    )


def _hostile(now: float) -> Iterator[Told]:
    for number, text in enumerate(HOSTILE):
        yield hostile(text), [(f"bad{number:09x}", now - number)]


def _ordinary(now: float, count: int) -> Iterator[Told]:
    for number in range(count):
        age = 60 + (number**1.55) % (40 * _DAY)
        team = _TEAMS[number // 10 % len(_TEAMS)]
        ids = [
            (f"{number:06x}{again:06x}", now - age - again * 40) for again in range(1 + number % 3)
        ]
        yield _record(number, team), ids


def _record(number: int, team: str) -> Record:
    name = f"{('web', 'api', 'llama', 'embedder', 'ranker')[number % 5]}-{number}"
    place = f"{team}/{name}"
    message = (
        f"HorizontalPodAutoscaler {place} scales Deployment {name} on cpu (Utilization 70%,"
        f" spec.metrics[0]) while VerticalPodAutoscaler {place} (mode Recreate) sets the cpu"
        " request of containers app"
    )
    vpa = ObjectRef("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", team, name)
    made = record(
        name,
        team,
        message=message,
        remedy=REMEDY.format(place=place),
        user=("alice@example.com", "system:serviceaccount:argocd:argocd-application-controller")[
            number % 2
        ],
        groups=("platform", "system:authenticated"),
        workload=f"Deployment {name}",
        path="spec.metrics[0]",
        containers=("app",),
        related=(vpa,),
    )
    match number % 10:
        case 5:
            return replace(
                made, kind=RecordKind.WARNING, action="warn", rule="hpa-not-load-balanced"
            )
        case 6:
            return replace(made, kind=RecordKind.AUDIT, action="audit", would="deny", mode="audit")
        case 7:
            return replace(made, kind=RecordKind.EXEMPTION, action="audit", exempted_by=vpa)
        case 8:
            return _fitted(made, name, team)
        case 9:
            return replace(made, rule="duplicate-hpa", resource="")
    return made


def _fitted(made: Record, name: str, team: str) -> Record:
    return replace(
        made,
        kind=RecordKind.MUTATION,
        rule="",
        action="patch",
        object=ObjectRef("v1", "Pod", team, f"{name}-7c9d8-x2k4p"),
        owner=OwnerRef("apps", "Deployment", name),
        message="an inference pod with nvidia.com/gpu: toleration, requests and /dev/shm are added",
        remedy="",
        path="",
        resource="",
        containers=(),
        related=(),
    )


def _stand(store: Store, now: float) -> None:
    """Tell of the map and of open findings, then once more without some of them: those are over."""
    done = CliRunner().invoke(cli, ["who-scales", "-f", str(WORLD), "-A", "-o", "json"])
    assert done.exit_code == 0, done.output
    workloads = json.loads(done.stdout)["workloads"]
    standings = [_standing(one) for one in workloads]
    past = _standing(workloads[0], "old")
    for at, told in ((now - 2 * _DAY, [*standings, past]), (now - 30, standings)):
        telling = Telling("prod-eu", "controller-0", at, tuple(told), at)
        take_standings(store, telling)


def _standing(acting: dict[str, object], suffix: str = "") -> Standing:
    workload = acting["workload"]
    meet = acting["meet"]
    assert isinstance(workload, dict)
    assert isinstance(meet, list)
    name = f"{workload['name']}{suffix}"
    key = WorkloadKey(workload["namespace"], workload["group"], workload["kind"], name)
    told = [(one["rule"], one["action"], one["message"], one["remedy"]) for one in meet]
    if suffix:
        told = [("duplicate-hpa", "deny", "two HPAs scale Deployment embedder", "delete one")]
    records = tuple(
        replace(
            record(name, workload["namespace"], message=message, remedy=remedy, rule=rule),
            kind=RecordKind.SCAN,
            action=action,
            user="",
            operation="",
            workload=f"{workload['kind']} {name}",
        )
        for rule, action, message, remedy in told
    )
    return Standing(key, records, None if suffix else acting)
