"""Log lines for programs: an object each, whatever is logged."""

import json
import logging

import pytest

from webhook.cli.json_lines import JsonLines


def written(message: object, *arguments: object, **more: object) -> dict[str, object]:
    record = logging.LogRecord("scaleguard.x", logging.INFO, __file__, 1, message, arguments, None)
    vars(record).update(more)
    line = JsonLines().format(record)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def test_a_line_says_when_how_grave_who_and_what() -> None:
    said = written("%s took %d s", "naïve", 3, decision={"id": "a", "allowed": None})
    assert isinstance(said.pop("time"), str)
    assert said == {
        "level": "INFO",
        "logger": "scaleguard.x",
        "message": "naïve took 3 s",
        "decision": {"id": "a", "allowed": None},
    }


@pytest.mark.parametrize("text", ["a\udcffb", "two\nlines", '"', "\x00", "\u2028"])
def test_whatever_is_in_a_text_makes_no_line_of_its_own_and_loses_none(text: str) -> None:
    assert written(text)["message"] == text


def test_a_traceback_is_in_the_line() -> None:
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "a fault", (), None)
    with pytest.raises(ValueError, match="gone") as raised:
        int("gone")
    record.exc_info = raised.type, raised.value, raised.tb
    said = json.loads(JsonLines().format(record))
    assert said["message"] == "a fault"
    assert "ValueError: invalid literal" in said["exc_info"]
