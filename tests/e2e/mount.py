"""Plays the kubelet for one volume: hands Secrets on to a folder, as a whole and a while later.

As the kubelet's atomic writer does it (k8s.io/kubernetes pkg/volume/util/atomic_writer.go): files
are links into `..data`, which is a link to a folder of one moment, and is exchanged in one step.
"""

import base64
import shutil
import threading
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

from tests.controlplane.cluster import ControlPlane
from tests.e2e.patient_client import PatientClient

Raw = dict[str, Any]


class Mount:
    """One volume of a pod; a context manager. It is filled once all that it needs is there."""

    def __init__(
        self,
        plane: ControlPlane,
        namespace: str,
        volume: Raw,
        folder: Path,
        every_seconds: float = 0.3,
    ) -> None:
        self.folder = folder
        self._client = PatientClient(plane)
        self._secrets = f"/api/v1/namespaces/{namespace}/secrets"
        projected = volume.get("projected", {}).get("sources")
        sources = [one["secret"] for one in projected] if projected else [volume["secret"]]
        self._sources = [one | {"name": one.get("name") or one["secretName"]} for one in sources]
        self._every_seconds = every_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._held: dict[str, bytes] = {}
        self._number = 0

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + 60
        while not self.sync():
            if time.monotonic() > deadline:
                self._client.close()
                raise AssertionError(f"{self._sources} are not filled")
            time.sleep(0.1)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        self._client.close()

    def _run(self) -> None:
        while not self._over.wait(self._every_seconds):
            # As a kubelet does it: what is mounted stays while the API server is away.
            with suppress(OSError, HTTPException):
                self.sync()

    def sync(self) -> bool:
        """Hand on what the Secrets hold now; False, and nothing changes, where a key is missing."""
        held: dict[str, bytes] = {}
        for source in self._sources:
            answer = self._client.get(f"{self._secrets}/{source['name']}")
            data = answer.body.get("data", {}) if answer.is_done else {}
            for item in source["items"]:
                if item["key"] in data:
                    held[item["path"]] = base64.b64decode(data[item["key"]])
                elif not source.get("optional"):
                    return False
        if held != self._held:
            self._write(held)
        return True

    def _write(self, held: dict[str, bytes]) -> None:
        data = self.folder / "..data"
        before = data.resolve() if data.exists() else None
        self._number += 1
        made = self.folder / f"..{self._number}"
        made.mkdir()
        for name, value in held.items():
            (made / name).write_bytes(value)
        link = self.folder / "..data_tmp"
        link.symlink_to(made.name)
        link.replace(data)
        for name in held.keys() - self._held.keys():
            (self.folder / name).symlink_to(Path("..data") / name)
        for name in self._held.keys() - held.keys():
            (self.folder / name).unlink()
        if before is not None:
            shutil.rmtree(before)
        self._held = held
