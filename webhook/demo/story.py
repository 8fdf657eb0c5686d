"""What happens in the demo, in order; `webhook.cli.demo` draws it."""

import copy
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonpatch
import yaml

from webhook.config import Config
from webhook.demo.client import Answer, Client, recorded
from webhook.demo.server import webhook
from webhook.manifests import read
from webhook.offline.judge import review
from webhook.offline.results import Review
from webhook.wiring import build_judge

DEPLOYMENT, HPA, GPU_POD, VPA, SECOND_POD, TRAINING_POD, NOTEBOOK_POD = 1, 2, 3, 4, 5, 7, 8


@dataclass
class Story:
    """Everything that was asked and answered."""

    answers: dict[str, Answer] = field(default_factory=dict)
    offline: Review | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The report that the demo leaves behind."""
        return {
            "admission": [
                {
                    "what": what,
                    "milliseconds": round(answer.seconds * 1000, 1),
                    "allowed": answer.allowed,
                    "message": answer.message,
                    "patch": answer.patch,
                }
                for what, answer in self.answers.items()
            ],
            "review": self.offline.as_json() if self.offline is not None else None,
        }


@contextmanager
def stage() -> Iterator[tuple[Path, Client]]:
    """Put up a webhook whose cluster holds a Deployment and its HPA on cpu; take it down again."""
    with tempfile.TemporaryDirectory(prefix="scaleguard-demo-") as folder:
        manifests, certificates = Path(folder, "cluster"), Path(folder, "certificates")
        manifests.mkdir()
        for number in (DEPLOYMENT, HPA):
            _write(manifests / f"{number}.yaml", recorded(number)["request"]["object"])
        with webhook(manifests, certificates) as port:
            client = Client(port, certificates / "ca.crt")
            try:
                yield manifests, client
            finally:
                client.close()


def play() -> Story:
    """Play the story through and return what was asked and answered."""
    story, start = Story(), time.perf_counter()
    with stage() as (manifests, client):
        for what, number in (
            ("a pod of a GPU Deployment", GPU_POD),
            ("its second replica", SECOND_POD),
            ("a pod of a GPU training Job", TRAINING_POD),
            ("a notebook pod without a GPU", NOTEBOOK_POD),
        ):
            story.answers[what] = client.send("/mutate", recorded(number))
        story.answers["a VPA beside an HPA on cpu"] = client.send("/validate", recorded(VPA))
        _write(manifests / "vpa.yaml", recorded(VPA)["request"]["object"])
        judge = build_judge(Config())
        story.offline = review(read([str(manifests)], bytes), judge)
        mended = _mended(recorded(VPA), story.offline)
        story.answers["the same VPA with the fix applied"] = client.send("/validate", mended)
    story.seconds = time.perf_counter() - start
    return story


def _mended(asked: dict[str, Any], offline: Review) -> dict[str, Any]:
    """Apply the fix that the offline review gives for the VPA's finding."""
    findings = [finding for result in offline.results for finding in result.findings]
    fix = next(finding.fix for finding in findings if finding.fix is not None)
    mended = copy.deepcopy(asked)
    request = mended["request"]
    request["object"] = jsonpatch.apply_patch(request["object"], fix.patch)
    request["uid"] = f"{request['uid'][:-1]}0"
    return mended


def _write(path: Path, raw: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")


def write_report(story: Story, folder: Path) -> Path:
    """Leave the story behind as JSON; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.json"
    path.write_text(json.dumps(story.as_json(), indent=2, ensure_ascii=False), encoding="utf-8")
    return path
