"""Several replicas, several processes of one, restarts: how the keeping of certificates begins."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from certs.authority import LEAF_LIFE, issue_leaf, make_authority
from certs.pair import Bundle, fault
from certs.store import load, save
from tests.unit.cluster.certificates import (
    MUTATING,
    SECRET,
    START,
    VALIDATING,
    Clock,
    FakeApi,
    make,
    run,
)
from webhook.cluster.certificates import ROUND_SECONDS, Keeper, Keeping, prepare
from webhook.cluster.errors import ApiError
from webhook.errors import ConfigError


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(SECRET, VALIDATING, MUTATING)


def test_replicas_that_start_at_once_agree(tmp_path: Path, keeping: Keeping) -> None:
    replicas = 5
    for api in (FakeApi(SECRET, VALIDATING), FakeApi(VALIDATING)):
        together = threading.Barrier(replicas)
        first = threading.local()

        def all_at_once(
            together: threading.Barrier = together, first: threading.local = first
        ) -> None:
            if not hasattr(first, "written"):
                first.written = True
                together.wait(timeout=10)

        api.before_write = all_at_once
        folders = [tmp_path / str(id(api)) / str(number) for number in range(replicas)]
        keepers = [make(api, replace(keeping, folder=folder)) for folder in folders]
        with ThreadPoolExecutor(replicas) as pool:
            list(pool.map(lambda keeper: run(keeper, 1), keepers))
        kept = api.bundle()
        assert {load(folder).leaf for folder in folders} == {kept.leaf}
        assert api.trusted() == {kept.authority.certificate}


def test_one_process_of_a_pod_does_it_and_another_takes_over(
    api: FakeApi, keeping: Keeping
) -> None:
    temporary = prepare(keeping, START)
    first, second = (Keeper(api, keeping, Clock(), temporary) for _ in range(2))

    def meanwhile(_seconds: float) -> bool:
        api.put(SECRET, {})
        assert run(second, 1) == [ROUND_SECONDS]
        return True

    first.run(meanwhile)
    assert second.not_ready() == []
    assert api.bundle() == Bundle()
    run(second, 1)
    assert api.bundle() != Bundle()


def test_a_process_that_waits_for_the_other_one_is_not_ready(
    api: FakeApi, keeping: Keeping
) -> None:
    api.refused["get", SECRET] = ApiError(0, "Unreachable")
    temporary = prepare(keeping, START)
    first, second = (Keeper(api, keeping, Clock(), temporary) for _ in range(2))
    first.run(lambda _seconds: run(second, 1) == [ROUND_SECONDS])
    assert second.not_ready() == [
        "no certificate yet: another process of this pod sees to it: see the log"
    ]


# ---------------------------------------------------------------- before the server begins


def test_what_was_served_before_a_restart_is_served_again(api: FakeApi, keeping: Keeping) -> None:
    run(make(api, keeping), 1)
    before = load(keeping.folder)
    assert prepare(keeping, START) is None
    assert load(keeping.folder) == before


@pytest.mark.parametrize("age", [LEAF_LIFE, -timedelta(days=1)])
def test_what_cannot_be_served_after_a_restart_is_replaced_for_the_time_being(
    age: timedelta, api: FakeApi, keeping: Keeping
) -> None:
    run(make(api, keeping), 1)
    now = START + age
    temporary = prepare(keeping, now)
    found = load(keeping.folder)
    assert temporary == found.leaf.certificate
    assert fault(found.leaf, "tls", now) is None
    assert found.authority.is_absent


def test_a_temporary_certificate_does_not_pass_for_a_good_one_after_a_restart(
    keeping: Keeping,
) -> None:
    prepare(keeping, START)
    assert prepare(keeping, START) is not None


def test_a_folder_with_an_authority_is_somebodys_own(keeping: Keeping) -> None:
    authority = make_authority(START)
    save(keeping.folder, Bundle(authority, issue_leaf(authority, keeping.names, START)))
    with pytest.raises(ConfigError, match="name another folder with --cert-dir"):
        prepare(keeping, START)


def test_a_folder_that_cannot_be_written_is_said(keeping: Keeping, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="--cert-dir: "):
        prepare(replace(keeping, folder=tmp_path / "file" / "folder"), START)


def test_a_secret_that_others_write_again_and_again_is_given_up_for_now(
    api: FakeApi, keeping: Keeping
) -> None:
    def meanwhile() -> None:
        api.put(SECRET, {})

    api.before_write = meanwhile
    keeper = make(api, keeping)
    assert run(keeper, 1) == [1]
    assert "others write it again and again" in keeper.not_ready()[0]
    api.refused["patch", SECRET] = ApiError(500, "InternalError", "etcd")
    run(keeper, 1)
    assert keeper.not_ready() == ["no certificate yet: InternalError: etcd"]
