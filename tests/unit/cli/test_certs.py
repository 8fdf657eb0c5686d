"""`scaleguard certs`: in a folder, and what it refuses."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from certs.authority import Names, issue_leaf, make_authority
from certs.inspection import inspect
from certs.pair import Bundle, Pair
from certs.store import load, save
from tests.unit.cli.conftest import Run
from webhook.cli import certs_text
from webhook.doctor.inspected import inspect_bundle
from webhook.doctor.verdict import fault

NOW = datetime.now(UTC)


def test_issue(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    ended = run("certs", "issue", "--cert-dir", folder, "--tls-name", "web.example")
    assert (ended.status, ended.err) == (0, "")
    place, authority, *_ = ended.out.splitlines()
    assert place == str(folder)
    assert authority == "  authority    CN=scaleguard certificate authority"
    assert "               for web.example" in ended.out.splitlines()
    assert inspect(load(folder).leaf.certificate).dns_names == ("web.example",)


def test_issue_writes_over_nothing_unless_forced(run: Run, tmp_path: Path) -> None:
    run("certs", "issue", "--cert-dir", tmp_path)
    before = load(tmp_path)
    ended = run("certs", "issue", "--cert-dir", tmp_path)
    assert ended.status == 2
    assert "rotate --cert-dir" in ended.err
    assert load(tmp_path) == before
    assert run("certs", "issue", "--cert-dir", tmp_path, "--force").status == 0
    assert load(tmp_path).authority != before.authority


def test_rotate_the_leaf(run: Run, tmp_path: Path) -> None:
    run("certs", "issue", "--cert-dir", tmp_path, "--tls-name", "a.example", "--tls-name", "::1")
    before = load(tmp_path)
    assert run("certs", "rotate", "--cert-dir", tmp_path).status == 0
    after = load(tmp_path)
    assert (after.authority, after.leaf != before.leaf) == (before.authority, True)
    info = inspect(after.leaf.certificate)
    assert (info.dns_names, [str(one) for one in info.ip_addresses]) == (("a.example",), ["::1"])
    run("certs", "rotate", "--cert-dir", tmp_path, "--tls-name", "b.example")
    assert inspect(load(tmp_path).leaf.certificate).dns_names == ("b.example",)


def test_rotate_the_authority_keeps_the_one_before(run: Run, tmp_path: Path) -> None:
    run("certs", "issue", "--cert-dir", tmp_path)
    before = load(tmp_path).authority
    for _ in range(2):
        ended = run("certs", "rotate", "--cert-dir", tmp_path, "--authority", "-o", "json")
        told = json.loads(ended.out)
        roles = [one["role"] for one in told["certificates"]]
        assert roles == ["authority", "authority", "certificate"]
        assert not any(one["problems"] for one in told["certificates"])
        assert load(tmp_path).authority.certificate.endswith(before.certificate)
        first = load(tmp_path).authority.certificate.partition(b"-----BEGIN")[2]
        first = b"-----BEGIN" + first.partition(b"-----BEGIN")[0]
        before = Pair(first)


def test_what_is_not_ours_is_left_alone(run: Run, tmp_path: Path) -> None:
    authority = make_authority(NOW)
    leaf = issue_leaf(authority, Names.of(["x"]), NOW)
    save(tmp_path, Bundle(Pair(authority.certificate), leaf))
    ended = run("certs", "rotate", "--cert-dir", tmp_path)
    assert ended.status == 2
    assert "has no ca.key: its certificates are yours" in ended.err
    save(tmp_path, Bundle(Pair(leaf.certificate, leaf.key), leaf))
    assert "ca.crt is not scaleguard's" in run("certs", "rotate", "--cert-dir", tmp_path).err


def test_an_authority_that_is_over_or_names_that_are_lost(run: Run, tmp_path: Path) -> None:
    old = make_authority(NOW - timedelta(days=3651))
    save(tmp_path, Bundle(old, issue_leaf(old, Names.of(["x"]), NOW)))
    ended = run("certs", "rotate", "--cert-dir", tmp_path)
    assert "ca.crt expired at" in ended.err
    assert "with --authority" in ended.err
    assert run("certs", "rotate", "--cert-dir", tmp_path, "--authority").status == 0
    (tmp_path / "tls.crt").unlink()
    ended = run("certs", "rotate", "--cert-dir", tmp_path)
    assert "say with --tls-name" in ended.err


def test_inspect(run: Run, tmp_path: Path) -> None:
    run("certs", "issue", "--cert-dir", tmp_path)
    assert run("certs", "inspect", "--cert-dir", tmp_path).status == 0
    assert run("certs", "inspect", tmp_path / "ca.crt").status == 0
    (tmp_path / "tls.key").write_bytes(make_authority(NOW).key)
    ended = run("certs", "inspect", "--cert-dir", tmp_path, "-o", "json")
    assert ended.status == 1
    (*_, leaf) = json.loads(ended.out)["certificates"]
    assert leaf["problems"] == ["tls.key does not belong to tls.crt"]
    ended = run("certs", "inspect", tmp_path / "tls.key")
    assert (ended.status, ended.err) == (
        2,
        f"Error: {tmp_path / 'tls.key'}: no PEM certificate\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "--cert-dir", "x", "-n", "y"),
        ("rotate", "--cert-dir", "x", "--release", "y"),
    ],
)
def test_a_folder_or_a_cluster(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run("certs", *arguments)
    assert ended.status == 2
    assert "name one: a file, --cert-dir, or --namespace and --release" in ended.err


def test_on_a_terminal() -> None:
    authority = make_authority(NOW)
    leaf = issue_leaf(authority, Names.of(["x.example"]), NOW - timedelta(days=80))
    out = Console(file=io.StringIO(), force_terminal=True, width=200, highlight=False)
    broken = Bundle(Pair(authority.certificate), Pair(leaf.certificate))
    certs_text.show("here", inspect_bundle(broken, NOW), [fault("not trusted")], out)
    assert isinstance(out.file, io.StringIO)
    told = out.file.getvalue()
    assert "\x1b[33m10 days left" in told.replace("9 days left", "10 days left")
    assert "✗ \x1b[0mtls.key is missing" in told
    assert "✗ \x1b[0mnot trusted" in told
