"""Run helm and kustomize: for a while, for so much output, and without the network."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePath
from tempfile import TemporaryFile
from threading import Timer

from webhook.core.frozen import frozen
from webhook.manifests.paths import LARGEST_BYTES
from webhook.rendering.roots import Root

# A chart of 100 templates takes helm about a second.
RENDER_SECONDS = 60.0

# Helm tells a fault in one line, kustomize in one for each step of the way to it.
_MOST_ERROR_BYTES = 2_000

# Charts ask for the kinds of a cluster before they make objects of them, and there is no cluster.
API_VERSIONS = (
    "autoscaling.k8s.io/v1",
    "autoscaling.k8s.io/v1/VerticalPodAutoscaler",
    "keda.sh/v1alpha1",
    "keda.sh/v1alpha1/ScaledObject",
)

# Where nobody listens. Go's clients, which both programs use, and git heed these.
_NOWHERE = "http://127.0.0.1:9"
_OFFLINE = {
    **{
        variant: _NOWHERE
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        for variant in (name, name.lower())
    },
    "NO_PROXY": "",
    "no_proxy": "",
    "GIT_ALLOW_PROTOCOL": "file",
    "GIT_TERMINAL_PROMPT": "0",
    "KUBECONFIG": os.devnull,
}
# What stands before the sentence: kubectl logs it as a record.
_PREFIX = re.compile(r"^(?:[Ee]rror: |E\d{4} \S+ +\d+ \S+\] \"command failed\" err=(?:<; |\")?)")
_NETWORK = re.compile(r"proxyconnect|127\.0\.0\.1:9|transport '\w+' not allowed")

# A release may be called so (RFC 1123, and helm's own bound).
_LONGEST_RELEASE = 53
_RELEASE_OF_HELM = "release-name"


class CannotRenderError(Exception):
    """Why a root gives no manifests, and what to do."""


@frozen
class Programs:
    """The programs that were found, by what they do: their words on a command line."""

    helm: tuple[str, ...] = ()
    kustomize: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Those that are there."""
        there = {"helm": self.helm, "kustomize": self.kustomize}
        return frozenset(name for name, words in there.items() if words)


def on_the_path() -> Programs:
    """Find helm, and kustomize or kubectl, which has it built in."""
    helm, kustomize = shutil.which("helm"), shutil.which("kustomize")
    kubectl = shutil.which("kubectl")
    if kustomize is not None:
        build: tuple[str, ...] = (kustomize, "build")
    else:
        build = () if kubectl is None else (kubectl, "kustomize")
    return Programs(() if helm is None else (helm, "template"), build)


def output_of(root: Root, programs: Programs, values: Sequence[str]) -> bytes:
    """Render a root; raises `CannotRenderError`."""
    # A name that begins with a dash would be an option.
    folder = os.path.join(".", root.folder) if root.folder.startswith("-") else root.folder  # noqa: PTH118
    if root.chart is None:
        return _run((*programs.kustomize, folder))
    words = [*programs.helm, _release(root.chart), folder, "--namespace", "default"]
    for version in API_VERSIONS:
        words += ["--api-versions", version]
    for file in values:
        words += ["--values", file]
    return _run(words)


def _release(chart: str) -> str:
    """Name the release after the chart: most charts then call their objects by that one name."""
    fits = len(chart) <= _LONGEST_RELEASE and chart.replace("-", "a").isalnum()
    return chart if fits and chart.islower() and not chart.startswith("-") else _RELEASE_OF_HELM


def _run(words: Sequence[str]) -> bytes:
    program = PurePath(words[0]).name
    with TemporaryFile() as errors:
        try:
            # In a group of its own: what the program starts ends with it.
            process = subprocess.Popen(  # noqa: S603 - no shell, and the words are ours
                words,
                env=os.environ | _OFFLINE,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotRenderError(f"{program} cannot be started: {error.strerror}") from None
        output, in_time = _output(process)
        errors.seek(0)
        said = errors.read(_MOST_ERROR_BYTES).decode(errors="replace")
    if not in_time:
        raise CannotRenderError(f"{program} was not done after {RENDER_SECONDS:.0f} s")
    if len(output) > LARGEST_BYTES:
        raise CannotRenderError(f"it renders more than {LARGEST_BYTES // 2**20} MiB")
    if process.returncode != 0:
        raise CannotRenderError(_explained(said) or f"{program} failed without a word")
    return output


def _output(process: "subprocess.Popen[bytes]") -> tuple[bytes, bool]:
    """Read what a program prints, up to a bound; say whether it was done in time."""
    late = []

    def stop() -> None:
        late.append(True)
        _kill(process)

    timer = Timer(RENDER_SECONDS, stop)
    timer.start()
    with process:
        try:
            output = process.stdout.read(LARGEST_BYTES + 1) if process.stdout else b""
            if len(output) > LARGEST_BYTES:
                _kill(process)
            process.wait()
        except BaseException:
            _kill(process)
            raise
        finally:
            timer.cancel()
    return output, not late


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _explained(said: str) -> str:
    """Say in one line what a program said in several, with the remedy where it is known."""
    line = "; ".join(one.strip() for one in said.splitlines() if one.strip())
    line = _PREFIX.sub("", line)
    if "missing in charts/ directory" in line:
        missing = line.rpartition("directory: ")[2]
        return f"dependencies of the chart are missing: {missing}; run `helm dependency build`"
    if _NETWORK.search(line):
        return f"it asks for something over the network, which reviews do not; pipe it in: {line}"
    return line
