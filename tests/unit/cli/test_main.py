"""The program itself: commands, options, their environment, faults."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.unit.cli.conftest import Run
from tests.unit.offline.manifests import DEPLOYMENT, HPA, VPA, stream
from tests.unit.policy.rego import RULE
from webhook.cli import review as review_module
from webhook.cli.main import cli
from webhook.cli.options import set_up_logging

CONFLICT = stream(HPA, VPA)
# These are tested by themselves.
ELSEWHERE = {"demo", "webhook"}


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it."""
    context = click.Context(cli)
    yield (), cli
    for name in cli.list_commands(context):
        if name in ELSEWHERE:
            continue
        command = cli.get_command(context, name)
        assert command is not None
        yield (name,), command
        if isinstance(command, click.Group):
            yield from (((name, sub), found) for sub, found in command.commands.items())


COMMANDS = dict(commands())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_says_what_for_and_shows_examples(run: Run, words: tuple[str, ...], flag: str) -> None:
    ended = run(*words, flag)
    assert ended.status == 0
    assert ended.err == ""
    assert ended.out.startswith("Usage: scaleguard ")
    examples = ended.out.partition("\n  Examples:\n")[2].splitlines()
    assert examples, "an example is worth a screen of options"
    assert "scaleguard" in examples[0]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_has_its_environment_variable_and_its_help(words: tuple[str, ...]) -> None:
    for option in COMMANDS[words].params:
        if not isinstance(option, click.Option) or option.name in {"help", "version"}:
            continue
        long = next(name for name in option.opts if name.startswith("--"))
        assert option.envvar == f"SCALEGUARD_{long[2:].replace('-', '_').upper()}"
        assert option.show_envvar
        assert option.help


def test_without_a_command_help_is_shown(run: Run) -> None:
    ended = run()
    assert ended.status == 2
    assert "Commands:\n  review " in ended.out + ended.err


def test_the_version_is_shown(run: Run) -> None:
    ended = run("--version")
    assert ended.status == 0
    assert ended.out.startswith("scaleguard, version ")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["reviw"], "No such command 'reviw'. Did you mean 'review'?"),
        (["polices", "list"], "No such command 'polices'. Did you mean 'policies'?"),
        (["policies", "lst"], "No such command 'lst'. Did you mean 'list'?"),
        (["xyzzy"], "No such command 'xyzzy'.\n"),
        (["review", "--outptu", "json", "-"], "No such option '--outptu'."),
        (["review", "-o", "xml", "-"], "'xml' is not one of 'text', 'json'"),
        (["review", "--config", "/no/such/file", "-"], "'/no/such/file' does not exist"),
        (["review", "--policies", "/no/such/folder", "-"], "'/no/such/folder' does not exist"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
)
def test_a_mistake_is_a_usage_error_with_a_hint(run: Run, words: list[str], says: str) -> None:
    ended = run(*words)
    assert ended.status == 2
    assert says in ended.err
    assert ended.out == ""


# ---------------------------------------------------------------- environment


@pytest.mark.parametrize(
    ("name", "value", "begins"),
    [
        ("SCALEGUARD_OUTPUT", "json", "{\n"),
        ("SCALEGUARD_MUTATE", "true", "---\n"),
        ("SCALEGUARD_VERBOSE", "1", "-\n  ✓ Deployment"),
        ("SCALEGUARD_LOG_LEVEL", "debug", "-\n  ✗ Horizontal"),
    ],
)
def test_an_option_may_come_from_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, begins: str
) -> None:
    monkeypatch.setenv(name, value)
    ended = run("review", "-", stdin=stream(DEPLOYMENT, HPA, VPA))
    assert ended.status == 1
    assert ended.out.startswith(begins)


def test_the_command_line_wins_over_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEGUARD_OUTPUT", "json")
    assert run("review", "-", "-o", "text", stdin=CONFLICT).out.startswith("-\n")


def test_failing_on_warnings_may_come_from_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = HPA.replace("maxReplicas: 10", "maxReplicas: 2")
    assert run("review", "-", stdin=idle).status == 0
    monkeypatch.setenv("SCALEGUARD_FAIL_ON", "warn")
    assert run("review", "-", stdin=idle).status == 1


def test_several_folders_of_rules_may_come_from_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        text = RULE.replace("custom/vpa", f"custom/{name}.vpa").replace("team.vpa", f"{name}.vpa")
        (tmp_path / name / "vpa.rego").write_text(text, encoding="utf-8")
    monkeypatch.setenv("SCALEGUARD_POLICIES", f"{tmp_path}/one{os.pathsep}{tmp_path}/other")
    out = run("review", "-", stdin=VPA).out
    assert "warn custom/one.vpa" in out
    assert "warn custom/other.vpa" in out


def test_a_wrong_value_in_the_environment_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEGUARD_LOG_LEVEL", "loud")
    ended = run("review", "-")
    assert ended.status == 2
    assert "'--log-level' (env var: 'SCALEGUARD_LOG_LEVEL'): 'loud' is not one of" in ended.err


# ---------------------------------------------------------------- configuration


def test_the_configuration_changes_actions(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "scaleguard.yaml"
    config.write_text("rules: {hpa-vpa-same-metric: warn}", encoding="utf-8")
    assert run("review", "-", "--config", config, stdin=CONFLICT).status == 0
    monkeypatch.setenv("SCALEGUARD_CONFIG", str(config))
    assert run("review", "-", stdin=CONFLICT).status == 0


def test_every_fault_of_the_configuration_is_listed_at_once(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "scaleguard.yaml"
    config.write_text(
        "rulez: {}\nrules: {duplicate-hpa: refuse}\nautoscalers: {strictness: very}\n"
        "requests: {slice: {cpu: lots, memory: 1Gi}}\n",
        encoding="utf-8",
    )
    ended = run("review", "-", "--config", config, "-o", "json", stdin=CONFLICT)
    assert ended.status == 2
    assert ended.out == ""
    head, *faults = ended.err.splitlines()
    assert head == f"Error: {config}: 4 faults:"
    assert [fault.split(":")[0].strip() for fault in faults] == [
        "autoscalers.strictness",
        "requests.slice.cpu",
        "rules.duplicate-hpa",
        "the file",
    ]
    assert "rulez" in faults[3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [", "not YAML"),
        ("[]", "1 fault:\n  the file: "),
        (
            "rules: {no-such-rule: deny}",
            "no-such-rule: no such rule; there are hpa-vpa-same-metric,",
        ),
    ],
)
def test_a_configuration_that_cannot_be_used(
    run: Run, tmp_path: Path, text: str, says: str
) -> None:
    config = tmp_path / "scaleguard.yaml"
    config.write_text(text, encoding="utf-8")
    ended = run("review", "-", "--config", config, stdin=CONFLICT)
    assert ended.status == 2
    assert says in ended.err


# ---------------------------------------------------------------- faults


def test_a_fault_of_the_program_is_not_a_denial(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(review_module, "judge_all", broken)
    ended = run("review", "-", stdin=CONFLICT)
    assert ended.status == 2
    assert "Error: ZeroDivisionError: oh\nThis is a fault of scaleguard." in ended.err
    assert "Traceback" not in ended.err
    assert "Traceback" in run("review", "-", "--log-level", "debug", stdin=CONFLICT).err


# ---------------------------------------------------------------- the process


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(run: Run, shell: str) -> None:
    ended = run("completion", shell)
    assert ended.status == 0
    assert "_SCALEGUARD_COMPLETE" in ended.out


def test_a_shell_completes_commands_and_options() -> None:
    def completed(*words: str) -> list[str]:
        environment = {
            **os.environ,
            "_SCALEGUARD_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["scaleguard", *words]),
            "COMP_CWORD": str(len(words)),
        }
        program = Path(sys.executable).with_name("scaleguard")
        ended = subprocess.run([program], env=environment, capture_output=True, check=False)
        return ended.stdout.decode().splitlines()

    assert "plain,review" in completed("rev")
    assert "plain,--fail-on" in completed("review", "--fail")
    assert "plain,explain" in completed("policies", "ex")


@pytest.mark.parametrize(
    ("program", "name"),
    [("scaleguard", "scaleguard"), ("kubectl-scaleguard", "kubectl scaleguard")],
)
def test_the_programs_say_how_they_are_called(program: str, name: str) -> None:
    command = [str(Path(sys.executable).with_name(program)), "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith(f"Usage: {name} [OPTIONS] COMMAND")


def test_the_package_is_the_program() -> None:
    command = [sys.executable, "-m", "webhook", "review", "-"]
    ended = subprocess.run(command, input=CONFLICT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "\x1b" not in ended.stdout


@pytest.mark.parametrize("words", [["--help"], ["review", "--help"]])
def test_help_is_quick(words: list[str]) -> None:
    """Nothing heavy is imported for it."""
    text = f"import sys; sys.argv = ['scaleguard', *{words}]\nfrom webhook.cli.main import main\n"
    text += "try: main()\nexcept SystemExit: pass\n"
    heavy = "regopy rich jsonschema kubernetes flask gunicorn cryptography opa_client requests"
    text += f"print([name for name in {heavy.split()} if name in sys.modules], file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ended.stderr == "[]\n"


def test_no_line_of_the_log_is_forged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logging.getLogger("scaleguard.test")
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    set_up_logging("text", "warning")
    log.warning("the name is %s", "web\n12:00:00 ERROR forged\r\x1b[2K\u2028\u202e")
    log.warning("a fault", exc_info=ValueError("a traceback has lines of its own"))
    first, second, last = capsys.readouterr().err.splitlines()
    assert first.endswith("the name is web 12:00:00 ERROR forged  [2K  ")
    assert second.endswith("a fault")
    assert last == "ValueError: a traceback has lines of its own"
