"""The command lines of the control plane's programs, all on loopback."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.controlplane.pki import Authority, KeyPair, private_key, write_kubeconfig
from tests.controlplane.process import free_ports
from tests.controlplane.toolchain import module_dir

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
_SERVICE_RANGE = "10.96.0.0/16"
# What the API server answers to: in-cluster clients use the first address of the range.
_SERVER_HOSTS = ("localhost", LOOPBACK, "10.96.0.1", "kubernetes.default.svc", "kubernetes.default")
_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")


@dataclass(frozen=True, slots=True)
class Ports:
    """A port for each listener."""

    etcd: int
    etcd_peer: int
    apiserver: int
    controller_manager: int
    scheduler: int
    kwok: int

    @classmethod
    def pick(cls) -> Ports:
        """Pick ports that are free now."""
        return cls(*free_ports(6))


class Layout:
    """The files of one control plane: certificates, keys, kubeconfigs, command lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = Ports.pick()
        self.server = f"https://{LOOPBACK}:{self.ports.apiserver}"
        self._authority = Authority("scaleguard-test")
        self.authority, self._authority_key = self._authority.pair.write(folder, "ca")
        # One certificate for all three that listen: making their own costs each a second.
        serving = self._authority.issue("kubernetes", hosts=_SERVER_HOSTS)
        self._serving = serving.write(folder, "serving-kubernetes")
        # The API server shows this one to aggregated APIs when it forwards a request.
        front = self._authority.issue("front-proxy")
        self._front = front.write(folder, "front-proxy")
        self._token_key = folder / "service-account.key"
        self._token_key.touch(mode=0o600)
        self._token_key.write_bytes(private_key())
        self.admin = self.client("admin", "system:masters").write(folder, "admin")
        self.kubeconfig = self.user("admin", "system:masters")

    def client(self, name: str, *groups: str) -> KeyPair:
        """Issue a client certificate for a user with these groups."""
        return self._authority.issue(name, groups=groups)

    def user(self, name: str, *groups: str) -> Path:
        """Write a kubeconfig for a user with these groups; return its path."""
        path = self.folder / f"{name.replace(':', '-').replace('/', '-')}.kubeconfig"
        authority = self._authority.pair.certificate
        return write_kubeconfig(path, self.server, authority, self.client(name, *groups))

    def serving(self, name: str, *hosts: str) -> tuple[Path, Path]:
        """Issue a certificate for what the API server calls; return its file and its key's."""
        return self._authority.issue(name, hosts=hosts).write(self.folder, f"serving-{name}")

    @property
    def bundle(self) -> str:
        """The authority as registrations say whom to trust."""
        return base64.b64encode(self._authority.pair.certificate).decode()

    def etcd(self) -> list[str]:
        """Return the arguments of etcd."""
        client = f"http://{LOOPBACK}:{self.ports.etcd}"
        peer = f"http://{LOOPBACK}:{self.ports.etcd_peer}"
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--log-level=warn",
            # The data is thrown away: waiting for the disk would only make tests slow.
            "--unsafe-no-fsync",
        ]

    def apiserver(self) -> list[str]:
        """Return the arguments of kube-apiserver."""
        return [
            f"--etcd-servers=http://{LOOPBACK}:{self.ports.etcd}",
            *self._listener(self.ports.apiserver),
            f"--advertise-address={LOOPBACK}",
            # Endpoints refuse a loopback address, and nothing here needs the kubernetes Service's.
            "--endpoint-reconciler-type=none",
            f"--service-cluster-ip-range={_SERVICE_RANGE}",
            f"--client-ca-file={self.authority}",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._token_key}",
            f"--service-account-signing-key-file={self._token_key}",
            f"--requestheader-client-ca-file={self.authority}",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={self._front[0]}",
            f"--proxy-client-key-file={self._front[1]}",
        ]

    def controller_manager(self) -> list[str]:
        """Return the arguments of kube-controller-manager."""
        config = self.user("system:kube-controller-manager")
        return [
            *self._controller(config, self.ports.controller_manager),
            # Gives every controller its own account, so that admission sees the real requesters.
            "--use-service-account-credentials=true",
            # They ask for a token each: by default (20 a second) the last has its own after 5 s.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            f"--service-account-private-key-file={self._token_key}",
            f"--root-ca-file={self.authority}",
            f"--cluster-signing-cert-file={self.authority}",
            f"--cluster-signing-key-file={self._authority_key}",
        ]

    def scheduler(self) -> list[str]:
        """Return the arguments of kube-scheduler."""
        return self._controller(self.user("system:kube-scheduler"), self.ports.scheduler)

    def kwok(self) -> list[str]:
        """Return the arguments of kwok, which plays the kubelet of every node."""
        # Without stages kwok exits; these are its own, from its module.
        stages = module_dir("kwok") / "kustomize" / "stage"
        files = [
            path
            for folder in _STAGES
            for path in sorted((stages / folder).glob("*.yaml"))
            if path.name != "kustomization.yaml"
        ]
        config = self.folder / "kwok.yaml"
        config.write_text("\n---\n".join(path.read_text(encoding="utf-8") for path in files))
        return [
            f"--kubeconfig={self.kubeconfig}",
            "--manage-all-nodes=true",
            f"--config={config}",
            f"--server-address={LOOPBACK}:{self.ports.kwok}",
        ]

    def _listener(self, port: int) -> list[str]:
        return [
            f"--bind-address={LOOPBACK}",
            f"--secure-port={port}",
            f"--tls-cert-file={self._serving[0]}",
            f"--tls-private-key-file={self._serving[1]}",
        ]

    def _controller(self, config: Path, port: int) -> list[str]:
        return [
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            # There is only one of each; an election would cost seconds.
            "--leader-elect=false",
            *self._listener(port),
        ]
