import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certs.authority import Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair
from certs.store import save
from webhook.serving.tls import ServedCertificate
from webhook.serving.verification import why_refused

HOST = "scaleguard.guard.svc"
NOW = datetime.now(UTC)


def served(folder: Path, authority: Pair, moment: datetime = NOW) -> ssl.SSLContext:
    save(folder, Bundle(leaf=issue_leaf(authority, Names.of([HOST]), moment)))
    return ServedCertificate(folder).context()


def test_who_trusts_its_authority_takes_it(tmp_path: Path) -> None:
    authority, other = make_authority(NOW), make_authority(NOW)
    context = served(tmp_path, authority)
    assert why_refused(context, authority.certificate, HOST) is None
    assert why_refused(context, other.certificate + authority.certificate, HOST) is None
    assert "unable to get local issuer" in str(why_refused(context, other.certificate, HOST))


@pytest.mark.parametrize("bundle", [b"", b"garbage", b"\xff"])
def test_what_is_no_bundle_is_said(bundle: bytes, tmp_path: Path) -> None:
    context = served(tmp_path, make_authority(NOW))
    assert why_refused(context, bundle, HOST) == "there is no certificate in it"


def test_names_are_looked_at_and_the_time_is_left_to_the_api_server(tmp_path: Path) -> None:
    authority = make_authority(NOW)
    context = served(tmp_path, authority)
    assert "Hostname mismatch" in str(why_refused(context, authority.certificate, "other.svc"))
    for name, days in (("late", -91), ("early", 1)):
        context = served(tmp_path / name, authority, NOW + timedelta(days=days))
        assert why_refused(context, authority.certificate, HOST) is None
