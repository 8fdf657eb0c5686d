"""Print for each file how many of its mutants the tests told from the code, and hold the score."""

import json
from collections import Counter
from pathlib import Path

MUTANTS = Path("mutants")
LEAST_PERCENT = 85.0

# As mutmut writes them down: pytest failed (or broke), and what ran for too long.
_KILLED = frozenset({1, 3})
_ENDLESS = frozenset({24, 36, 152, 255, -24})


def outcome(code: int | None) -> str:
    if code is None:
        return "not run"
    return "killed" if code in _KILLED | _ENDLESS else "survived"


def outcomes() -> dict[str, Counter[str]]:
    """What became of the mutants of each file that has any."""
    found = {}
    for path in sorted(MUTANTS.rglob("*.py.meta")):
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        if codes:
            name = path.relative_to(MUTANTS).as_posix().removesuffix(".meta")
            found[name] = Counter(outcome(code) for code in codes.values())
    return found


def line(name: str, of: Counter[str]) -> str:
    run = of["killed"] + of["survived"]
    percent = f"{100 * of['killed'] / run:5.1f} %" if run else "      - "
    return f"{name:50} {of['killed']:5} of {run:5} killed {percent}, {of['not run']} not run"


def main() -> None:
    """Print the table; fail where the tests tell too few apart."""
    found = outcomes()
    for name, of in found.items():
        print(line(name, of))
    total = sum(found.values(), Counter[str]())
    print(line("in all", total))
    if 100 * total["killed"] < LEAST_PERCENT * (total["killed"] + total["survived"]):
        raise SystemExit(f"less than {LEAST_PERCENT:.0f} %: see `mutmut results`, `mutmut show`")


if __name__ == "__main__":
    main()
