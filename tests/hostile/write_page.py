"""Run every hostile condition and write the page of what came out.

``python -m tests.hostile.write_page WORDS`` shows only the cases with one of the words,
and then writes nothing.
"""

from __future__ import annotations

import sys
import time
import traceback
from importlib import import_module


def main(words: list[str]) -> int:
    """Write the page; return 1 if a case fails."""
    # Here, since the processes that a case starts import this file too.
    import_module("conftest")  # before Keras is imported: no network
    import pytest

    from tests.hostile import test_hostile  # enters the cases

    hostile = test_hostile.hostile

    seen, failed = hostile.on_page(), 0
    for case in hostile.CASES:
        if words and not any(word in case.condition for word in words):
            continue
        began = time.perf_counter()
        try:
            seen[case.condition] = case.seen()
        except pytest.skip.Exception as reason:  # what the page says of it stays
            print(f"   -     {case.condition}: {reason}")
            continue
        except Exception:
            failed += 1
            print(f"FAILED   {case.condition}", flush=True)
            traceback.print_exc()
            continue
        print(f"{time.perf_counter() - began:5.1f} s  {case.condition}", flush=True)
        if words:
            print(f"         {seen[case.condition]}")
    if not words and not failed:
        hostile.PAGE.write_text(hostile.page(seen), encoding="utf-8")
        print(f"{hostile.PAGE}: {len(hostile.CASES)} cases")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
