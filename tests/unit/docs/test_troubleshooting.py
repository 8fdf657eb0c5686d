"""Every message, refusal and metric is explained, and none that does not exist."""

import ast
import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from certs.authority import AUTHORITY_LIFE, LEAF_LIFE, Names, issue_leaf, make_authority
from certs.store import StoreError, ensure
from tests.unit.docs.pages import DOCS, ROOT, prose, rows
from webhook.audit.serving import refusal as audit_refusal
from webhook.core.review import BadReview, read_review
from webhook.manifests import Document
from webhook.manifests.reading import read_text
from webhook.server import refusal
from webhook.server.body import decode
from webhook.server.metrics import Metrics
from webhook.serving import refusal as shared_refusal
from webhook.serving.tls import ServedCertificate

_FAULTS = {
    *("BadReview", "CannotJudge", "CannotPlaceError", "CannotReadError", "UnavailableError"),
    *("ConfigError", "NotOursError", "PolicyError", "ScaleguardError", "StoreError", "UsageError"),
}
_SHORTEST = 8


def test_every_refusal_is_explained() -> None:
    samples = {
        "method": "GET",
        "allowed": ["POST"],
        "mimetype": "text/plain",
        "most_bytes": 7 * 2**20,
        "path": "/",
        "known": ["/mutate"],
        "reasons": ["…"],
        "error": "…",
        **dict.fromkeys(("reason", "user", "verb", "namespace", "decision"), "…"),
    }
    makers = [
        made
        for module in (refusal, shared_refusal, audit_refusal)
        for _, made in inspect.getmembers(module, inspect.isfunction)
        if inspect.signature(made).return_annotation is shared_refusal.Refusal
    ]
    assert len(makers) > 8
    table = [row for row in rows(DOCS / "troubleshooting.md") if len(row) == 4]
    for made in makers:
        refused = made(**{name: samples[name] for name in inspect.signature(made).parameters})
        said = [
            row
            for row in table
            if row[0] == str(int(refused.status))
            and row[1] == f"`{refused.result}`"
            and row[2].strip("`") == refused.error
        ]
        assert said, f"{made.__name__}: {refused.status} {refused.result} {refused.error}"


@cache
def documented_messages() -> tuple[str, ...]:
    """The messages in the first cells of tables; `…` stands for anything."""
    cells = [row[0].replace("\\|", "|") for row in rows(DOCS / "troubleshooting.md")]
    return tuple(code for cell in cells for _, code in re.findall(r"(`+) ?(.+?) ?\1(?!`)", cell))


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(".+".join(map(re.escape, message.split("…"))), re.DOTALL)
        for message in documented_messages()
        if len(re.sub(r"[….: ]", "", message)) >= _SHORTEST
    )


def is_explained(message: str) -> bool:
    return any(pattern.fullmatch(message) for pattern in patterns())


def test_a_message_that_does_not_exist_is_not_explained() -> None:
    assert not is_explained("the moon is full")


def raised() -> Iterator[tuple[str, str]]:
    """(place, message) of every fault that is raised for a person; `…` for what varies."""
    for path in (*(ROOT / "webhook").rglob("*.py"), *(ROOT / "certs").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Raise(exc=ast.Call(func=func, args=[said, *_])):
                    name = ast.unparse(func).rpartition(".")[2]
                    if name in _FAULTS and (message := written(said)):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", message


def written(said: ast.expr) -> str:
    match said:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                str(part.value).replace("\n", "") if isinstance(part, ast.Constant) else "…"
                for part in values
            )
    return ""


def test_every_message_of_the_program_is_listed() -> None:
    messages = list(raised())
    assert len(messages) > 30
    listed = documented_messages()
    for place, message in messages:
        if len(re.sub(r"[….: ]", "", message)) < _SHORTEST:
            continue  # all of it varies
        pattern = re.compile(".+".join(map(re.escape, message.split("…"))), re.DOTALL)
        assert any(pattern.match(each) for each in listed), f"{place}: {message}"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1"}',
        b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}',
        *(
            b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {%s}}'
            % it
            for it in (
                b"",
                b'"uid": "1", "operation": "PATCH"',
                b'"uid": "1", "operation": "CREATE"',
                b'"uid": "1", "operation": "CREATE", "kind": {"kind": "Pod"}',
                b'"uid": "1", "operation": "UPDATE", "kind": {"kind": "Pod"}, "object": {}',
            )
        ),
    ],
)
def test_bad_reviews_are_explained(body: bytes) -> None:
    with pytest.raises(BadReview) as refused:
        read_review(decode(body))
    assert is_explained(str(refused.value)), refused.value


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.yaml", "{{ if .Values.on }}\nkind: Pod"),
        ("a.yaml", "cpu: [${CPU}]"),
        ("a.yaml", "{% if on %}\nkind: Pod"),
        ("a.yaml", "kind: !Ref Pod"),
        ("a.yaml", "replicas: 3"),
        ("a.yaml", "- kind: Pod"),
        ("a.json", "// a comment: [\n{}"),
        ("a.yaml", "kind: ["),
        ("a.yaml", "[" * 300),
        ("a.yaml", "kind: *pod"),
        ("a.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: on}}"),
        ("a.yaml", "{apiVersion: v1, kind: Pod, metadata: {namespace: 1}}"),
    ],
)
def test_what_is_left_out_is_explained(file: str, text: str) -> None:
    left_out = [entry for entry in read_text(text, file) if not isinstance(entry, Document)]
    assert left_out
    for entry in left_out:
        assert is_explained(entry.reason), entry.reason


def test_faults_of_certificates_are_explained(tmp_path: Path) -> None:
    now, names = datetime.now(UTC), Names.of(["localhost"])

    def fault(at: datetime = now) -> str:
        with pytest.raises(StoreError) as refused:
            ensure(tmp_path, names, at)
        return str(refused.value)

    ensure(tmp_path, names, now)
    (tmp_path / "ca.key").unlink()
    found = [fault(now + timedelta(days=100))]
    key = (tmp_path / "tls.key").read_bytes()
    (tmp_path / "tls.key").write_bytes(issue_leaf(make_authority(now), names, now).key)
    found.append(fault())
    (tmp_path / "tls.key").write_text("no key", "utf-8")
    found.append(fault())
    (tmp_path / "tls.key").unlink()
    found.append(fault())
    (tmp_path / "tls.key").write_bytes(key)
    served = ServedCertificate(tmp_path)
    found += served.problems(now + timedelta(days=100))
    found += ServedCertificate(tmp_path / "none").problems(now)
    assert len(found) == 6
    for message in found:
        assert is_explained(message), message


def test_lives_of_certificates_are_those_of_the_code() -> None:
    text = prose(DOCS / "troubleshooting.md")
    assert f"authority for {AUTHORITY_LIFE.days // 365} years" in text
    assert f"certificate for {LEAF_LIFE.days} days" in text


def metric_names() -> Iterator[str]:
    """The names of all metrics, as they are made in the code; a counter's ends in `_total`."""
    for path in (ROOT / "webhook").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=made, args=[ast.Constant(value=str(name)), *_]):
                    if re.fullmatch("scaleguard_[a-z_]+", name):
                        counts = "count" in ast.unparse(made).lower()
                        yield f"{name}_total" if counts else name


def test_metrics_are_those_of_the_code() -> None:
    documented = {row[0].strip("`") for row in rows(DOCS / "troubleshooting.md")}
    named = {name for name in documented if re.fullmatch("scaleguard_[a-z_]+", name)}
    assert named == set(metric_names())
    made = {f"{each.name}_total" for each in Metrics().registry.collect() if each.type == "counter"}
    assert made <= named
