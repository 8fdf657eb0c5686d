"""GPU pods at a steady rate from a process of its own: tests and what they play keep their time.

As `load`, an open loop of dry runs. Each pod is asked about twice, to be fitted and to be judged.
"""

import base64
import csv
import json
import statistics
import subprocess
from pathlib import Path
from typing import Self

from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.e2e.load import Failed

PODS = 1000

# As `load` has them on their way at once.
_CONNECTIONS = 32

_CREATED = "201"


class SteadyLoad:
    """Sends for so many seconds from entering on; a context manager, which waits for the end."""

    def __init__(
        self, plane: ControlPlane, rate: float, seconds: float, namespace: str, folder: Path
    ) -> None:
        self.rate = rate
        self.seconds = seconds
        self.failed: list[Failed] = []
        self._took: list[float] = []
        self._results = folder / "results"
        targets = folder / "targets"
        targets.write_text("".join(_targets(plane, namespace)), encoding="utf-8")
        certificate, key = plane.layout.admin
        self._command = [
            *(str(binary("vegeta")), "attack", "-format=json", f"-targets={targets}"),
            *(f"-rate={rate:.0f}/1s", f"-duration={seconds:.0f}s", "-timeout=30s"),
            *(f"-root-certs={plane.layout.authority}", f"-cert={certificate}", f"-key={key}"),
            *(f"-connections={_CONNECTIONS}", "-http2=false", f"-output={self._results}"),
        ]

    def __enter__(self) -> Self:
        self._attack = subprocess.Popen(self._command)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._attack.kill()
            self._attack.wait()
            return
        assert self._attack.wait(self.seconds + 60) == 0
        for at, status, nanos, error, body in self._rows():
            self._took.append(nanos / 1e9)
            if status != _CREATED:
                said = error or base64.b64decode(body).decode(errors="replace")
                self.failed.append(Failed(at / 1e9, int(status), said))

    def _rows(self) -> list[tuple[int, str, int, str, str]]:
        encoded = subprocess.run(
            [str(binary("vegeta")), "encode", "-to=csv", str(self._results)],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = list(csv.reader(encoded.stdout.splitlines()))
        begun = min(int(row[0]) for row in rows)
        return [(int(row[0]) - begun, row[1], int(row[2]), row[5], row[6]) for row in rows]

    def __str__(self) -> str:
        cuts = statistics.quantiles(self._took, n=100, method="inclusive")
        return (
            f"{len(self._took)} pods in {self.seconds:.0f} s"
            f" ({len(self._took) / self.seconds:.0f}/s of {self.rate:.0f}/s, two reviews each),"
            f" {len(self.failed)} failed,"
            f" p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"
        )


def _targets(plane: ControlPlane, namespace: str) -> list[str]:
    url = f"{plane.server}/api/v1/namespaces/{namespace}/pods?dryRun=All"
    header = {"Content-Type": ["application/json"]}
    container = {"name": "app", "image": "app", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    lines = []
    for number in range(PODS):
        metadata = {"name": f"llm-{number}", "namespace": namespace}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        body = json.dumps({**pod, "spec": {"containers": [container]}}).encode()
        target = {"method": "POST", "url": url, "header": header}
        lines.append(json.dumps(target | {"body": base64.b64encode(body).decode()}) + "\n")
    return lines
