"""docs/rights.md shows what the API server answers."""

import pytest

from tests.e2e.can_i import PAGE, shown

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]


def test_the_page_shows_what_the_api_server_answers() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("\nkubectl auth can-i --list") == 3
    assert shown() == text, "make rights writes it anew"
