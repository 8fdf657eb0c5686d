"""The mode of a planned VPA, and why: what it may do to pods that run."""

from collections.abc import Iterable

from webhook.core.ai_pod import AiPod
from webhook.core.autoscalers.vpa import DEFAULT_MODE, MODE_OFF
from webhook.core.frozen import frozen
from webhook.core.kinds import Kind, WorkloadClass
from webhook.core.vpa_plan.terms import UPDATING, Wish

MODE_INITIAL = "Initial"
MODE_IN_PLACE = "InPlace"
MODE_IN_PLACE_OR_RECREATE = "InPlaceOrRecreate"

# A model server takes minutes to load, and a notebook is somebody's session: neither is ended for
# a better request. Runs are not touched at all unless somebody says so.
_BY_CLASS = {
    WorkloadClass.INFERENCE: Wish.INITIAL,
    WorkloadClass.NOTEBOOK: Wish.INITIAL,
    WorkloadClass.TRAINING: Wish.RECOMMEND,
    WorkloadClass.BATCH: Wish.RECOMMEND,
}

# The modes that do what is wished, best first; of those that the cluster accepts the first is used.
_MODES = {
    Wish.RECOMMEND: (MODE_OFF,),
    Wish.INITIAL: (MODE_INITIAL,),
    Wish.IN_PLACE: (MODE_IN_PLACE, MODE_INITIAL),
    Wish.IN_PLACE_OR_RECREATE: (MODE_IN_PLACE_OR_RECREATE, DEFAULT_MODE),
    Wish.RECREATE: (DEFAULT_MODE,),
}


@frozen
class Mode:
    """An update mode, whether it touches running pods, and the reason for it in words."""

    name: str
    why: str

    @property
    def updates(self) -> bool:
        """Whether pods that run are resized or evicted."""
        return self.name not in {MODE_OFF, MODE_INITIAL}


@frozen
class Wished:
    """What is wished for a workload, and who says so."""

    wish: Wish
    why: str
    by_person: bool = False
    """Written on the workload itself: it holds whatever class the pods seem to be of."""


def wished(
    annotations: Iterable[tuple[str, str]], in_profile: Wish | None, profile: str, ai_pod: AiPod
) -> Wished:
    """Say what is wished: by annotation, by profile, else by the class of the pods.

    `annotations` are the values on the workload and on its pod template, each with where it stands.
    A profile's updating mode is taken only where the class of the pods is no guess.
    """
    for value, where in annotations:
        if value in tuple(Wish):
            return Wished(Wish(value), f"{where} says {value}", by_person=True)
    evidence = ai_pod.evidence
    usual = _BY_CLASS[evidence.workload_class]
    because = f"class {evidence.workload_class.value} ({evidence.why})"
    if in_profile is None:
        return Wished(usual, because)
    if in_profile in UPDATING and evidence.guessed:
        guess = f"{profile} says {in_profile.value}, but the class is a guess: {because}"
        return Wished(usual, guess)
    return Wished(in_profile, f"{profile} says {in_profile.value}")


def mode_of(asked: Wished, kind: Kind, accepted: frozenset[str]) -> Mode:
    """Turn a wish into a mode that the kind of workload bears and the cluster accepts.

    In doubt nothing is written: where no mode of a wish is accepted the VPA only recommends.
    """
    if kind.recommend_only and asked.wish is not Wish.RECOMMEND:
        why = f"a VPA on a {kind.group_kind.kind} only recommends ({asked.why})"
        return Mode(MODE_OFF, why)
    best, *others = _MODES[asked.wish]
    if best in accepted:
        return Mode(best, asked.why)
    found = next((name for name in others if name in accepted), MODE_OFF)
    return Mode(found, f"{asked.why}, and this cluster accepts no mode {best}")
