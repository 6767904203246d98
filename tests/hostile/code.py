"""Hostile conditions: answers to exercises that do what no answer should."""

from __future__ import annotations

import os
import random
import re
import sys
import threading
import time
from functools import partial

import numpy as np

from imgcls_helpers import runtime
from imgcls_helpers.checks import check, function_exercise
from tests.hostile import case, within

import keras  # isort: skip  # after the package, which picks the backend

code = partial(case, "Code of students")


# The short one is for what never ends: a busy machine may be slow with all the others.
PATIENT, HASTY = "99.70", "99.72"
for number, seconds in ((PATIENT, 600), (HASTY, 0.5), ("99.71", 600)):

    @function_exercise(number, "Double it", reference=lambda x: 2 * x, seconds=seconds)
    def _(rng):
        for n in (1, 2, 3):
            yield (rng.normal(size=n),)


def verdict(answer, mistake: str | None) -> str:
    """Return the verdict on an answer, after at most ten seconds, nothing printed."""
    with within(10):
        found = check(HASTY if mistake == "too slow" else PATIENT, answer)
    assert found.ok is (mistake is None) and found.mistake == (mistake or ""), found
    # Whatever the answer did: the next check is as it was.
    assert check(PATIENT, lambda x: x + x).ok is True
    assert check(PATIENT, lambda x: x + 1).ok is False
    return of_line_3(found)


def of_line_3(found) -> str:
    """Return a verdict's text as if the answer were a cell of its own."""
    text = repr(found).replace(HASTY, PATIENT)
    text = re.sub(r"(?<=In your code, line )\d+", "3", text)
    return re.sub(r"\?{9,}", "???…", text)


def loops(x):
    while True:
        pass


def loops_and_catches_everything(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def sleeps(x):
    time.sleep(3600)


def prints_a_million_lines(x):
    for number in range(1_000_000):
        print(number)


def prints_on_errors(x):
    print("?" * 10_000_000, file=sys.stderr)
    return 2 * x


def leaves(x):
    sys.exit(3)


def leaves_at_once(x):
    os._exit(3)


def interrupts(x):
    raise KeyboardInterrupt


def calls_itself(x):
    return calls_itself(x)


def wants_all_memory(x):
    return np.zeros((10**9, 10**9))


def changes_its_argument(x):
    x *= 2
    return x


def closes_the_output(x):
    sys.stdout.close()
    print("lost")
    return 2 * x


def replaces_the_output(x):
    sys.stdout = sys.stderr = None
    return 2 * x


def gives_an_odd_object(x):
    class Odd:
        def __array__(self, *arguments, **options):
            raise RuntimeError("no array")

        def __repr__(self):
            raise RuntimeError("no text")

    return Odd()


for condition, outcome, answer, mistake in (
    ("An answer loops for ever", "stops it and names the line", loops, "too slow"),
    (
        "It loops for ever and catches every exception",
        "stops it all the same",
        loops_and_catches_everything,
        "too slow",
    ),
    ("It sleeps for an hour", "wakes it and names the line", sleeps, "too slow"),
    (
        "It writes ten million characters to the errors",
        "keeps the first 2,000 beside the verdict",
        prints_on_errors,
        None,
    ),
    ("It ends Python: `sys.exit()`", "goes on; says what to use", leaves, "exit"),
    ("It ends Python at once: `os._exit()`", "goes on", leaves_at_once, "exit"),
    (
        "It raises the error of the stop button",
        "tells it from you pressing the button",
        interrupts,
        "KeyboardInterrupt",
    ),
    (
        "It calls itself without end",
        "says so",
        calls_itself,
        "RecursionError",
    ),
    (
        "It asks for more memory than there is",
        "says so",
        wants_all_memory,
        "MemoryError",
    ),
    (
        "It changes its argument",
        "notices it: each call gets a copy",
        changes_its_argument,
        "in-place change",
    ),
    ("It closes the output", "goes on", closes_the_output, None),
    ("It takes the output away", "goes on", replaces_the_output, None),
    (
        "It returns an object that can be neither compared nor shown",
        "goes on; names the error",
        gives_an_odd_object,
        "RuntimeError",
    ),
):
    # Where a loop is when it is stopped is a matter of chance.
    not_ours = {
        "too slow": r"(?<=In your code, ).*?(?=\n|$)",
        "MemoryError": r"(?<=MemoryError: ).*(?=\n)",
        "RecursionError": r"(?<=RecursionError: ).*(?=\n)",
    }.get(mistake, "")
    code(condition, outcome, "" if answer is sleeps else not_ours)(
        lambda place, answer=answer, mistake=mistake: verdict(answer, mistake)
    )


@code(
    "It prints a million lines",
    "keeps the first 2,000 characters, and off the page",
)
def _(place):
    def answer(x):
        if len(x) == 1:
            prints_a_million_lines(x)
        return 2 * x

    with within(60):
        found = check("99.71", answer)
    assert found.ok is True and len(found.printed) < 2100
    lines = repr(found).splitlines()
    return " ".join([*lines[:6], "…", *lines[-2:]])


@code(
    "It ends Python by `exit()`, in a notebook",
    "goes on; without a guard, the kernel would end and all results with it",
)
def _(place):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(place.folder))
    try:
        seen = []

        def run(source: str) -> None:
            reply = client.execute_interactive(
                source,
                timeout=1200,
                output_hook=lambda m: seen.append(m["content"].get("data")),
            )
            assert reply["content"]["status"] == "ok"

        run(
            "from imgcls_helpers.checks import check\n"
            "def softmax(z):\n    exit()\n    return z\n"
            "check('5.3', softmax)"
        )
        (text,) = (data["text/plain"] for data in seen if data)
        time.sleep(0.5)
        assert manager.is_alive()
        run("softmax")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return text


@code(
    "It seeds or draws random numbers: Python's, NumPy's, Keras's",
    "puts them back: what you compute after it is the same as without",
)
def _(place):
    def drawn() -> list[float]:
        return [
            random.random(),
            float(np.random.rand()),  # noqa: NPY002
            float(keras.ops.convert_to_numpy(keras.random.uniform(()))),
        ]

    def seeds(x):
        runtime.set_seed(0)
        np.seterr(all="raise")
        return 2 * x

    def draws(x):
        drawn()
        return 2 * x

    keep = random.getstate(), np.random.get_state(), np.geterr()  # noqa: NPY002
    try:
        results = []
        for answer in (None, seeds, draws):
            runtime.set_seed(7)
            first = drawn()
            if answer is not None:
                assert check(PATIENT, answer).ok is True
            results.append([*first, *drawn()])
        assert results[0] == results[1] == results[2]
        assert np.geterr() == keep[2]
    finally:
        random.setstate(keep[0])
        np.random.set_state(keep[1])  # noqa: NPY002
    return repr(check(PATIENT, seeds))


@code(
    "It runs in a thread of a grader and loops for ever",
    "stops it there too, where signals do not reach",
    not_ours=r"(?<=In your code, ).*?(?=\n|$)",
)
def _(place):
    found = []
    thread = threading.Thread(target=lambda: found.append(check(HASTY, loops)))
    thread.start()
    thread.join(120)
    assert found and found[0].mistake == "too slow"
    return of_line_3(found[0])
