"""Print for each file how many of its mutants were told from the code, and hold the score."""

import json
from collections import Counter
from pathlib import Path

MUTANTS = Path("mutants")
LEAST_PERCENT = 85.0

# As mutmut writes them down: mypy refused it, pytest failed (or broke), it ran for too long.
_NOTICED = {37: "types", 1: "tests", 3: "tests", **dict.fromkeys((24, 36, 152, 255, -24), "tests")}


def outcome(code: int | None) -> str:
    """Who told a mutant from the code: types, tests, or nobody."""
    return "not run" if code is None else _NOTICED.get(code, "survived")


def outcomes() -> dict[str, Counter[str]]:
    """What became of the mutants of each file that has any."""
    found = {}
    for path in sorted(MUTANTS.rglob("*.py.meta")):
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        if codes:
            name = path.relative_to(MUTANTS).as_posix().removesuffix(".meta")
            found[name] = Counter(outcome(code) for code in codes.values())
    return found


def percent(of: Counter[str]) -> float:
    """How many of those that were tried were told from the code; those of no difference count."""
    told = of["types"] + of["tests"]
    return 100 * told / ((told + of["survived"]) or 1)


def line(name: str, of: Counter[str]) -> str:
    told = f"{of['types']:5} by types {of['tests']:5} by tests {of['survived']:4} survived"
    return f"{name:45} {told} {percent(of):6.1f} %  {of['not run']:5} not run"


def main() -> None:
    """Print the table; fail where the tests tell too few apart."""
    found = outcomes()
    for name, of in found.items():
        print(line(name, of))
    total = sum(found.values(), Counter[str]())
    print(line("in all", total))
    if percent(total) < LEAST_PERCENT:
        raise SystemExit(f"less than {LEAST_PERCENT:.0f} %: see `mutmut results`, `mutmut show`")


if __name__ == "__main__":
    main()
