"""The demo with kubectl: a real control plane behind scaleguard, left up to be played with.

python -m tests.e2e.demo_cluster           # until Ctrl-C
python -m tests.e2e.demo_cluster --once    # ends after the story
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GPU = "nvidia.com/gpu"

COLUMNS = (
    "NAME:.metadata.name,NODE:.spec.nodeName,"
    "REQUESTS:.spec.containers[0].resources.requests,PHASE:.status.phase"
)

# What a user would type, and why it is shown.
STORY = (
    ("A GPU Deployment that asks for GPUs and for nothing else", "create namespace ml"),
    ("", "apply -f {examples}/gpu-deployment.yaml"),
    ("Its pods got tolerations and requests, and run on the tainted node", "wait"),
    (
        "",
        f"get pods -n ml -o custom-columns={COLUMNS}",
    ),
    ("An HPA and a VPA that would fight over cpu", "create namespace shop"),
    ("", "apply -f {examples}/conflict.yaml"),
    ("The HPA was first; the VPA was refused, with the fix", "get hpa,vpa -n shop"),
)


def main() -> int:
    """Tell the story; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--once", action="store_true", help="end after the story")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    out = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()
    out.print("Starting etcd, kube-apiserver, controllers, scheduler and kwok…", style="dim")
    with ControlPlane(kwok=True) as plane:
        plane.install_crds("vpa", "keda")
        plane.add_node("plain")
        taint = {"key": GPU, "value": "present", "effect": "NoSchedule"}
        plane.add_node("gpu", allocatable={GPU: "8"}, taints=[taint])
        with Guard(plane):
            out.print(f"Up after {time.monotonic() - started:.0f} s.\n", style="dim")
            _tell(out, plane)
            if not options.once:
                _stay(out, plane)
    return 0


def _tell(out: Console, plane: ControlPlane) -> None:
    for title, command in STORY:
        if title:
            out.print(Text(f"\n{title}", "bold"))
        if command == "wait":
            _wait_for_pods(plane)
            continue
        words = [word.format(examples=EXAMPLES) for word in command.split()]
        shown = " ".join(_short(word) for word in words)
        out.print(Text("$ ", "cyan").append(f"kubectl {shown}", "cyan"))
        done = plane.kubectl(*words, check=False)
        out.print(Text(done.stdout.rstrip()), end="\n" if done.stdout else "")
        if done.stderr:
            out.print(Text(done.stderr.strip(), "red" if done.returncode else "yellow"))


def _short(word: str) -> str:
    return word.replace(str(EXAMPLES), "examples")


def _wait_for_pods(plane: ControlPlane) -> None:
    plane.kubectl("wait", "-n", "ml", "--for=jsonpath={.status.readyReplicas}=2", "deploy/llama")


def _stay(out: Console, plane: ControlPlane) -> None:
    path = os.pathsep.join([str(binary("kubectl").parent), "$PATH"])
    out.print(Text("\nIt stays up until Ctrl-C. In another terminal:", "bold"))
    out.print(Text(f"export KUBECONFIG={plane.kubeconfig}\nexport PATH={path}", "cyan"))
    out.print(Text(f"scaleguard scan --kubeconfig {plane.kubeconfig}", "cyan"))
    try:
        signal.pause()
    except KeyboardInterrupt:
        out.print("\nending it…", style="dim")


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
