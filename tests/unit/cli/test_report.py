"""`scaleguard report` as it is typed."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from tests.unit.audit.batches import DAY, delivery, owned, record
from webhook.audit.findings import Filters, Page
from webhook.audit.reading import following, newest
from webhook.audit.store.local import Local
from webhook.audit.store.opened import Store, open_store
from webhook.audit.store.query import findings
from webhook.audit.store.schema import bring_up
from webhook.audit.store.taking import take_in
from webhook.cli import report_text
from webhook.cli.main import cli, main
from webhook.core.record import RecordKind
from webhook.errors import ScaleguardError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/audit.db")
    bring_up(opened)
    yield opened
    opened.close()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["report", "--data", str(tmp_path), *arguments])

    return invoke


@pytest.fixture
def filled(store: Store) -> Store:
    withheld = record("shadow", kind=RecordKind.AUDIT, action="audit", would="deny")
    take_in(
        store,
        delivery(
            (record("web"), [("first", DAY), ("again", 2 * DAY)]),
            (withheld, [("shadow", 3 * DAY)]),
            (owned("llama-1", "llama"), [("pod", 4 * DAY)]),
        ),
    )
    return store


def test_a_table_in_a_pipe_has_one_whole_line_for_each(
    filled: Store, run: Callable[..., Result]
) -> None:
    lines = run().output.splitlines()
    assert lines[0].split() == [
        "LAST",
        "SEEN",
        "COUNT",
        "ACTION",
        "RULE",
        "OBJECT",
        "USER",
        "MESSAGE",
    ]
    assert len(lines) == 4
    assert lines[1].startswith("1970-01-05T00:00:00Z")
    assert "Deployment ml/llama (Pod llama-1)" in lines[1]
    assert "audit (would deny)" in lines[2]
    assert lines[3].split()[1] == "2"
    assert lines[3].endswith("HPA shop/web and VPA shop/web both act on cpu")
    assert "\x1b" not in "".join(lines)
    assert len(findings(filled, Filters()).findings) == 3


def test_a_terminal_cuts_messages_and_has_colours(filled: Store) -> None:
    out = Console(
        force_terminal=True, width=145, record=True, highlight=False, color_system="standard"
    )
    report_text.show(findings(filled, Filters()).findings, out)
    text = out.export_text(styles=True)
    assert "…" in text
    assert "\x1b[" in text
    assert "HPA shop/shadow" in text
    assert all(len(line) <= 145 for line in out.export_text().splitlines())


def test_names_do_not_steer_the_terminal(store: Store, run: Callable[..., Result]) -> None:
    evil = record("web\x1b[2J", message="\x1b]0;owned\x07", user="a\nb", remedy="\x1b[1m")
    take_in(store, delivery((evil, [("d", DAY)])))
    for output in (run().output, run("d").output):
        assert "\x1b" not in output
        assert "\N{REPLACEMENT CHARACTER}" in output


def test_filters(filled: Store, run: Callable[..., Result]) -> None:
    def names(*arguments: str) -> list[str]:
        told = json.loads(run("-o", "json", *arguments).stdout)["findings"]
        return [one["record"]["object"]["name"] for one in told]

    assert names() == ["llama-1", "shadow", "web"]
    assert names("--would-deny") == ["shadow"]
    assert names("-n", "shop", "--since", "1970-01-04T00:00:00Z") == ["shadow"]
    assert names("--since", "1h") == []
    assert names("--until", "1970-01-03T00:00:00Z") == ["web"]
    assert names("--workload", "llama", "--rule", "hpa-vpa-same-metric") == ["llama-1"]
    assert names("--user", "nobody") == []
    assert names("--limit", "1") == ["llama-1"]
    assert len(findings(filled, Filters()).findings) == 3


def test_what_is_left_out_is_said(filled: Store, run: Callable[..., Result]) -> None:
    done = run("--limit", "2", "-o", "csv")
    assert "there are more than these 2: raise --limit" in done.stderr
    assert len(done.stdout.splitlines()) == 3
    assert "raise --limit" not in run("--limit", "3").stderr
    assert len(findings(filled, Filters()).findings) == 3


def test_one_decision_in_full(filled: Store, run: Callable[..., Result]) -> None:
    text = run("first").output
    for said in (
        "decision first",
        "deny hpa-vpa-same-metric",
        "fix: set controlledResources: [memory]",
        "user        alice (CREATE)",
        "seen        2 times, 1970-01-02T00:00:00Z to 1970-01-03T00:00:00Z",
    ):
        assert said in text
    (told,) = json.loads(run("again", "-o", "json").output)["findings"]
    assert told["count"] == 2
    assert len(findings(filled, Filters()).findings) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none",), "no decision none is known"),
        (("--since", "yesterday"), "'yesterday' is no time"),
        (("--url", "https://x", "--store", "sqlite:///y"), "give one of them"),
        (("--follow", "-o", "csv"), "--follow prints a table or json"),
        (("--follow", "x"), "--follow prints a table or json"),
        (("--url", "http://localhost"), "a token goes over https:// only"),
        (("--url", "https://127.0.0.1:1"), "no answer"),
        (("--store", "mysql://x"), "this is no store"),
    ],
)
def test_mistakes_are_told(
    filled: Store,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", "--data", str(tmp_path), *arguments])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert len(findings(filled, Filters()).findings) == 3


def test_no_store_is_made_by_asking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", "--data", str(tmp_path / "none")])
    assert "there is no store" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_an_empty_store_says_so(store: Store, run: Callable[..., Result]) -> None:
    assert run().output == "nothing was found\n"
    assert json.loads(run("-o", "json").output) == {"findings": []}
    store.check()


class Shaky(Local):
    """A store that may be away."""

    away = False

    def findings(self, filters: Filters, limit: int, after: str | None = None) -> Page:
        if self.away:
            raise ScaleguardError("away")
        return super().findings(filters, limit, after)


def test_what_comes_is_followed(filled: Store, tmp_path: Path) -> None:
    """What is new, what is repeated, and what came late; nothing twice, nothing old."""
    now = datetime.now(UTC).timestamp()
    take_in(filled, delivery(*((record(f"w{n}"), [(f"w{n}", now - n)]) for n in range(5))))
    reader = Shaky(f"sqlite:///{tmp_path}/audit.db")
    shown, more = newest(reader, Filters(), 3)
    assert (len(shown), more) == (3, True)
    rounds = [
        [],
        [(record("new"), [("new", now + 5)]), (record("w4"), [("w4-again", now + 6)])],
        [],
        [(record("late"), [("late", now - 60)])],
        [(record("w4"), [("w4-late", now - 100)])],
    ]
    turns = iter(rounds)
    failures: list[ScaleguardError] = []

    def wait() -> bool:
        told = next(turns, None)
        # The look after the first news fails; the one behind it tells them.
        reader.away = told == rounds[1]
        if told:
            take_in(filled, delivery(*told))
        return told is not None

    followed = [
        [(one.record["object"]["name"], one.count) for one in fresh]
        for fresh in following(reader, Filters(), shown, wait, failures.append)
    ]
    assert followed == [[("new", 1), ("w4", 2)], [("late", 1)], [("w4", 3)]]
    assert [str(one) for one in failures] == ["away"]
    reader.close()


def test_follow_prints_lines_until_it_is_interrupted(
    filled: Store, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = iter([True])

    def sleep(_seconds: float) -> None:
        if not next(turns, False):
            raise KeyboardInterrupt
        take_in(filled, delivery((record("new"), [("new", 9 * DAY)])))

    monkeypatch.setattr("time.sleep", sleep)
    done = run("--follow", "-o", "json")
    assert done.exit_code == 0
    told = [json.loads(line)["record"]["object"]["name"] for line in done.output.splitlines()]
    assert told == ["web", "shadow", "llama-1", "new"]
