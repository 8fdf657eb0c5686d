"""Whatever happens in which order: what is kept is never older than what was last told."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from webhook.cluster.kept import Changes, Kept, Key, _Reading, _slim
from webhook.core.objects import GroupKind

DEPLOYMENT = GroupKind("apps", "Deployment")
KEY = Key(DEPLOYMENT, "shop", "web")
REVISION = "deployment.kubernetes.io/revision"

Object = dict[str, Any]


class History:
    """One object that is written, told of later, and read by several at once."""

    def __init__(self) -> None:
        self.kept = Kept(lambda _: 0, lambda: 0.0)
        self.changes = Changes(DEPLOYMENT, self.kept)
        self.version = 0
        self.states: list[Object | None] = [None]
        """As it was last told, and each state after that."""
        self.told: list[tuple[bool, Object]] = []
        self.begun: list[_Reading] = []
        self.read: list[tuple[_Reading, Object | None]] = []

    def write(self, how: str) -> None:
        self.version += 1
        before = self.states[-1]
        now = copy.deepcopy(before or {"metadata": {"uid": f"u{self.version}", "generation": 0}})
        metadata = now["metadata"]
        metadata |= {"namespace": "shop", "name": "web", "resourceVersion": str(self.version)}
        if how == "spec" or before is None:
            metadata["generation"] += 1
            now["spec"] = {"replicas": self.version}
        elif how == "status":
            now["status"] = {"replicas": self.version}
        elif how == "label":
            metadata["labels"] = {"tier": str(self.version % 2)}
        elif how == "revision":
            metadata["annotations"] = {REVISION: str(self.version % 4)}
        is_gone = how == "delete" and before is not None
        self.states.append(None if is_gone else now)
        self.told.append((is_gone, {"metadata": copy.deepcopy(metadata)}))

    def tell(self) -> None:
        if self.told:
            is_gone, event = self.told.pop(0)
            (self.changes.remove if is_gone else self.changes.put)(self.changes.read(event))
            del self.states[0]

    def list_anew(self) -> None:
        self.changes.replace(())
        self.told.clear()
        del self.states[:-1]

    def begin(self) -> None:
        self.begun.append(self.kept.begin(KEY))

    def answer(self) -> None:
        if self.begun:
            self.read.append((self.begun.pop(0), copy.deepcopy(self.states[-1])))

    def put(self) -> None:
        if self.read:
            reading, found = self.read.pop(0)
            if found is not None:
                self.kept.put(KEY, found, reading)
            self.kept.end(KEY, reading)

    def read_at_once(self) -> None:
        self.begin()
        self.answer()
        self.put()


WRITES = ("spec", "spec", "status", "label", "revision", "delete")
STEPS = ("tell", "tell", "tell", "tell", "begin", "answer", "put", "read_at_once")


@settings(max_examples=1500)
@given(some.lists(some.sampled_from((*WRITES, *STEPS, "list_anew")), min_size=20, max_size=60))
def test_it_is_as_it_was_told_or_later(steps: list[str]) -> None:
    history = History()
    for step in steps:
        if step in WRITES:
            history.write(step)
        else:
            getattr(history, step)()
        is_kept, found = history.kept.get(KEY)
        if is_kept:
            assert found in [_slim(state) for state in history.states if state is not None]
    for reading in (*history.begun, *(reading for reading, _ in history.read)):
        history.kept.end(KEY, reading)
    assert history.kept._under_way == {}
