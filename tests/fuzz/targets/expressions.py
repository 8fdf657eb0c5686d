"""An expression of a metric is searched in time that grows with it, and says the same twice."""

from tests.fuzz.mutation import by_pieces
from tests.fuzz.target import Target
from webhook.core.autoscalers.alias import USAGE, names_usage, resources_behind
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.pod import COMPUTE_RESOURCES

WEB = WorkloadKey("shop", "apps", "Deployment", "web")
NAMES = [name for names in USAGE.values() for name in names]
WORDS = [
    *NAMES,
    *('{namespace="shop"}', '{namespace="other",pod=~"web-.*"}', "{kube_namespace:shop}", "web"),
    *("$",),
    *('resource.labels.namespace_name="shop"', 'metric.type="', '"', "{", "}", "=~", "|", "("),
    *("\\",),
    *("https://u:p@host/x?token=a", "password=", "Bearer ", "aGVsbG8=" * 9, "a" * 300, ",", ":"),
    *(" ",),
]  # fmt: skip


def seeds() -> list[bytes]:
    behind = ["", *WORDS[len(NAMES) : len(NAMES) + 4]]
    return [f"sum(rate({name}{more}[1m]))".encode() for name in NAMES[::3] for more in behind]


def run(data: bytes) -> None:
    text = data.decode(errors="replace")
    everywhere = list(resources_behind(text, None))
    here = list(resources_behind(text, WEB))
    assert set(here) <= set(everywhere), "a workload that is known lets less through"
    assert {resource for resource, _ in everywhere} <= set(COMPUTE_RESOURCES)
    if here:
        assert names_usage(text)


TARGET = Target(run=run, seeds=seeds, mutate=by_pieces(WORDS), share=800)
