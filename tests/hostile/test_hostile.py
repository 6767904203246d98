"""Hostile conditions: each does what the table on the page says, and no more."""

import pytest

from tests import hostile
from tests.hostile import builds, code, data, labels, pictures  # noqa: F401

SEEN = hostile.on_page()
RENEW = "make robustness writes the page anew"


@pytest.mark.parametrize("case", hostile.CASES, ids=lambda case: case.condition)
def test_case(case):
    assert case.seen() == SEEN.get(case.condition), RENEW


def test_the_page_has_every_case_and_nothing_else():
    assert hostile.PAGE.read_text(encoding="utf-8") == hostile.page(SEEN), RENEW
    assert len(hostile.CASES) >= 60
