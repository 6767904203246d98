"""Every chapter runs at the smoke budget, without network and without data."""

import pytest

from tools import execute


@pytest.mark.parametrize("page", execute.chapters(), ids=lambda page: page.stem)
def test_chapter_runs(page):
    error = execute.run_chapter(page, {}).error
    assert not error, error
