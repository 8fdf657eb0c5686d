"""GPU pods at a steady rate from a process of its own: tests and what they play keep their time.

As `load`, an open loop of dry runs. Each pod is asked about twice, to be fitted and to be judged.
"""

import base64
import json
import statistics
import subprocess
from pathlib import Path
from typing import Self

from tests.bench.serving.drivers import answered, write_targets
from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.e2e.load import Failed, gpu_pod

PODS = 1000

# As many on their way at once as connections are kept: each new one would cost the API server some
# milliseconds of a processor, and the later it answers, the more would be opened.
_MOST_AT_ONCE = 64

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
        url = f"{plane.server}/api/v1/namespaces/{namespace}/pods?dryRun=All"
        pods = (json.dumps(gpu_pod(namespace, number)).encode() for number in range(PODS))
        write_targets(targets, ((url, pod) for pod in pods))
        certificate, key = plane.layout.admin
        self._command = [
            *(str(binary("vegeta")), "attack", "-format=json", f"-targets={targets}"),
            *(f"-rate={rate:.0f}/1s", f"-duration={seconds:.0f}s", "-timeout=30s"),
            *(f"-root-certs={plane.layout.authority}", f"-cert={certificate}", f"-key={key}"),
            *(f"-max-workers={_MOST_AT_ONCE}", f"-connections={_MOST_AT_ONCE}", "-http2=false"),
            f"-output={self._results}",
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
        rows = answered(self._results)
        begun = min(int(row[0]) for row in rows)
        for at, status, nanos, _sent, _came, error, body, *_more in rows:
            self._took.append(int(nanos) / 1e9)
            if status != _CREATED:
                said = error or base64.b64decode(body).decode(errors="replace")
                self.failed.append(Failed((int(at) - begun) / 1e9, int(status), said))

    def __str__(self) -> str:
        cuts = statistics.quantiles(self._took, n=100, method="inclusive")
        return (
            f"{len(self._took)} pods in {self.seconds:.0f} s"
            f" ({len(self._took) / self.seconds:.0f}/s of {self.rate:.0f}/s, two reviews each),"
            f" {len(self.failed)} failed,"
            f" p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"
        )
