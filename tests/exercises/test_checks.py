"""The exercise checks: every verdict, every guard, and all registered exercises."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imgcls_helpers import checks
from imgcls_helpers.checks import (
    Mistake,
    Wrong,
    _guard,
    assert_array,
    assert_close,
    call,
    check,
    compare,
    exercise,
    exercises,
    function_exercise,
    require,
)
from imgcls_helpers.checks._relations import relation

# --- A toy exercise: subtract the mean of every column -------------------------------


def centre(x):
    return x - x.mean(axis=0)


def by_loops(x):
    out = np.empty(x.shape)
    for j in range(x.shape[1]):
        out[:, j] = x[:, j] - sum(x[:, j]) / len(x)
    return out


def in_place(x):
    x -= x.mean(axis=0)
    return x


def refuses_one_row(x):
    if len(x) == 1:
        raise ValueError("too few rows")
    return centre(x)


MISTAKES = [
    Mistake("wrong axis", lambda x: x - x.mean(axis=1, keepdims=True), "That is rows."),
    Mistake("sum", lambda x: x - x.sum(axis=0), "That is the sum.", "Divide by n."),
    Mistake("grand mean", lambda x: x - x.mean(), "That is one mean for all."),
    Mistake("refuses", refuses_one_row, "One row is allowed."),
]


# The second is for what never ends: a busy machine may be slow with all the others.
@function_exercise("99.50", "Centre", reference=centre, mistakes=MISTAKES, seconds=600)
@function_exercise("99.49", "Centre", reference=centre, mistakes=MISTAKES, seconds=1)
def centre_cases(rng):
    for shape in [(1, 2), (3, 2), (5, 4)]:
        yield (rng.normal(size=shape),)


@exercise("99.51", "A number")
def a_number(answer, rng):
    assert_close(
        answer, 896, mistakes=[Mistake("no bias", 864, "The biases are missing.")]
    )


def verdict(answer, **options):
    return check("99.50", answer, **options)


def hasty(answer):
    return check("99.49", answer)


# --- Right answers, wrong answers, stubs ---------------------------------------------


@pytest.mark.parametrize("answer", [centre, by_loops, lambda x: centre(x).tolist()])
def test_right_answers_in_several_styles(answer):
    found = verdict(answer)
    assert found.ok is True
    assert found.status == "right"
    assert found


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_each_known_mistake_gets_its_own_diagnosis(mistake):
    found = verdict(mistake.wrong)
    assert found.ok is False
    assert (found.mistake, found.message) == (mistake.name, mistake.message)
    assert found.hint == mistake.hint


def test_a_mistake_that_raises_is_not_an_answer_that_returns():
    assert verdict(lambda x: centre(x) if len(x) > 1 else x).mistake == "wrong value"


@pytest.mark.parametrize("name", ["in-place change", "custom"])
def test_a_mistake_may_be_an_in_place_change(name):
    mistakes = [Mistake("custom", in_place, "Not here.")] if name == "custom" else []
    with pytest.raises(Wrong) as wrong:
        compare(
            in_place, centre, centre_cases(np.random.default_rng(0)), mistakes=mistakes
        )
    assert wrong.value.mistake == name


def empty(x):
    pass


def dots(x):
    """Text."""
    ...


def with_a_start(x):
    mean = x.mean(axis=0)  # noqa: F841
    ...


def not_implemented(x):
    raise NotImplementedError


def returns_dots(x):
    out = [...]
    return out[0]


def computes_with_dots(x):
    mean = ...
    return x - mean


class Callable:
    def method(self, x): ...


STUBS = [empty, dots, with_a_start, not_implemented, returns_dots, computes_with_dots]
STUBS += [lambda x: ..., lambda x: None, Callable().method]


@pytest.mark.parametrize(
    "stub", [..., None, NotImplemented, (1, ...), {"a": ...}, *STUBS]
)
def test_stubs_are_not_yet(stub):
    found = verdict(stub)
    assert found.ok is None
    assert found.status == "not yet"
    assert "run this cell again" in found.message
    assert not found.mistake


def forgets_to_return(x):
    centred = x - x.mean(axis=0)  # noqa: F841


def constant_shape(x):
    return np.zeros((3, 2))


def endless(x):
    while True:
        pass


def endless_and_deaf(x):
    while True:
        try:  # noqa: SIM105
            sum(range(1000))
        except:  # noqa: E722
            pass


def sleeps(x):
    time.sleep(3600)


def crashes(x):
    return x @ x


def recurses(x):
    return recurses(x)


def stops_python(x):
    sys.exit(3)


def interrupts(x):
    raise KeyboardInterrupt


class Odd(Exception):
    def __str__(self):
        raise RuntimeError


def raises_oddly(x):
    raise Odd


def nan(x):
    return np.log(-np.abs(centre(x)) - 1)


@pytest.mark.parametrize(
    ("answer", "mistake", "words"),
    [
        (forgets_to_return, "None", "`return` missing"),
        (lambda x: centre(x).T, "wrong shape", "opposite order"),
        (lambda x: centre(x)[None], "wrong shape", "more axes"),
        (constant_shape, "wrong shape", "(1, 2)"),
        (nan, "NaN", "not a number"),
        (lambda x: -centre(x), "wrong sign", "the other way round"),
        (lambda x: 2 * centre(x), "wrong value", "2 times"),
        (lambda x: centre(x) + 3, "wrong value", "too large by 3"),
        (lambda x: centre(x)[::-1], "wrong value", "reverse order along axis 0"),
        (lambda x: centre(x) + 1e-3, "wrong value", "expected"),
        (lambda x: centre(x) * 1j, "wrong type", "complex"),
        (lambda x: "text", "wrong type", "text"),
        (lambda x: object(), "wrong type", "object"),
        (lambda x: [[1], [2, 3]], "ragged", "different lengths"),
        (lambda x, y: x, "wrong parameters", "(x, y)"),
        (centre(np.eye(2)), "not a function", "without calling it"),
        (crashes, "ValueError", "return x @ x"),
        (recurses, "RecursionError", "without end"),
        (stops_python, "exit", "sys.exit(3)"),
        (interrupts, "KeyboardInterrupt", "raise KeyboardInterrupt"),
        (raises_oddly, "Odd", "cannot be shown"),
        (in_place, "in-place change", "`x` in place"),
        (endless, "too slow", "in your code, line"),
        (endless_and_deaf, "too slow", "1 seconds"),
        (sleeps, "too slow", "time.sleep(3600)"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_wrong_answers_are_diagnosed(answer, mistake, words):
    began = time.monotonic()
    found = (hasty if mistake == "too slow" else verdict)(answer)
    assert found.ok is False
    assert found.mistake == mistake
    assert words.lower() in repr(found).lower()
    assert time.monotonic() - began < 120


def test_the_first_failing_input_is_shown():
    with pytest.raises(Wrong) as wrong:
        compare(
            lambda labels: labels,
            lambda labels: labels * (labels > 1),
            [(np.array([2, 3]),), (np.array([1, 2]),), (np.array([0, 1]),)],
        )
    assert "labels = `[1, 2]`" in wrong.value.message
    assert "position 0: expected 0, yours is 1" in wrong.value.message


def test_one_case_is_no_check():
    with pytest.raises(ValueError, match="two or more"):
        compare(centre, centre, [(np.eye(2),)])


def test_a_value_and_its_known_mistake():
    assert check("99.51", 896).ok
    assert check("99.51", np.float32(896)).ok
    assert check("99.51", 864).mistake == "no bias"
    assert check("99.51", 895.9).mistake == "wrong value"
    assert check("99.51", "896").mistake == "wrong type"
    assert check("99.51", True).ok is False


def test_an_unknown_number_lists_what_there_is():
    with pytest.raises(ValueError, match=r"99\.50  Centre"):
        check("98.1", 1)
    with pytest.raises(ValueError, match="no exercise 'x'"):
        check("x", 1)


def test_two_exercises_cannot_share_a_number():
    with pytest.raises(ValueError, match="registered already"):
        exercise("99.50", "Another")(a_number)
    with pytest.raises(ValueError, match=r"like '3\.2'"):
        exercise("9", "Another")(a_number)
    with pytest.raises(ValueError, match="one name"):
        exercise("99.52", "T", mistakes=[MISTAKES[0], MISTAKES[0]])(a_number)


def test_an_answer_that_the_check_cannot_use_does_not_raise():
    # As if written in the package, whose lines are not the reader's.
    code = compile("def run(answer, rng): answer.shape", checks.__file__, "exec")
    exec(code, scope := {})
    exercise("99.53", "Uses an attribute")(scope["run"])
    found = check("99.53", "text")
    assert (found.ok, found.mistake, found.line) == (False, "unusable", "")
    assert "has no attribute 'shape'" in found.message


# --- Random wrong answers never pass --------------------------------------------------

_OUTPUTS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.lists(st.floats(), max_size=3),
    hnp.arrays(
        dtype=st.sampled_from([np.float32, np.float64, np.int64, np.uint8, bool]),
        shape=hnp.array_shapes(max_dims=3, max_side=5),
    ),
)


@settings(max_examples=150, deadline=None)
@given(_OUTPUTS)
def test_a_random_constant_never_passes(output):
    assert verdict(lambda x: output).ok is False
    is_right = isinstance(output, (int, float)) and output == 896
    assert check("99.51", output).ok is is_right


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float64, 6, elements=st.floats(-3, 3, width=16)),
    st.integers(0, 2**32),
)
def test_a_random_function_never_passes(weights, seed):
    a, b, c, d, e, f = weights

    def answer(x):
        rows, columns = x.mean(axis=1, keepdims=True), x.mean(axis=0)
        return a * x + b * columns + c * rows + d * x * x + e * x.mean() + f

    assert verdict(answer, seed=seed).ok is (list(weights) == [1, -1, 0, 0, 0, 0])


@pytest.mark.parametrize("epsilon", [1e-2, 1e-4])
def test_nearly_right_in_one_value_of_one_case_is_wrong(epsilon):
    def answer(x):
        out = centre(x)
        if len(x) == 5:
            out[4, 3] += epsilon
        return out

    assert verdict(answer).ok is False


# --- Guards ---------------------------------------------------------------------------


def test_printing_is_kept_short_and_off_the_page(capsys):
    def chatty(x):
        for i in range(300_000):
            print(i)
        print("problem", file=sys.stderr)
        return -centre(x)

    found = verdict(chatty)
    assert capsys.readouterr() == ("", "")
    assert found.printed.startswith("0\n1\n2\n")
    assert "characters more" in found.printed
    assert len(found.printed) < 2100


def test_printing_a_million_lines_is_still_right():
    def chatty(x):
        print("\n" * 1_000_000)
        return centre(x)

    assert verdict(chatty).ok


def test_global_random_state_is_restored_and_answers_are_repeatable():
    drawn = []

    def draws(x):
        drawn.append((random.random(), np.random.rand()))  # noqa: NPY002
        np.seterr(all="raise")
        return centre(x)

    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    python, numpy = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    errors = np.geterr()
    assert verdict(draws).ok
    assert random.getstate() == python
    assert np.array_equal(np.random.get_state()[1], numpy)  # noqa: NPY002
    assert np.geterr() == errors
    verdict(draws)
    assert drawn[:3] == drawn[3:]


def test_seed_changes_the_inputs_and_the_default_does_not():
    seen = []

    def answer(x):
        seen.append(x.copy())
        return centre(x)

    for seed in (None, None, 1):
        verdict(answer, seed=seed)
    assert np.array_equal(seen[1], seen[4])
    assert not np.array_equal(seen[1], seen[7])


@pytest.mark.parametrize("answer", [endless, endless_and_deaf])
def test_the_time_limit_in_another_thread(answer):
    found = []
    thread = threading.Thread(target=lambda: found.append(hasty(answer)))
    thread.start()
    thread.join(120)
    assert found
    assert found[0].mistake == "too slow"
    assert "line" in found[0].line


@pytest.mark.parametrize("signals", [True, False])
def test_waiting_for_the_processor_counts_little_and_sleep_much(monkeypatch, signals):
    clock = types.SimpleNamespace(now=0.0, work=0.0, sleep=time.sleep)
    clock.monotonic, clock.process_time = lambda: clock.now, lambda: clock.work
    monkeypatch.setattr(_guard, "time", clock)
    monkeypatch.setattr(_guard, "_AGAIN", 0.02)
    if not signals:
        monkeypatch.delattr(signal, "setitimer", raising=False)

    def stopped(now, work):
        clock.now = clock.work = 0.0
        try:
            with _guard.time_limit(0.02):
                clock.now, clock.work = now, work
                for _ in range(20):
                    time.sleep(0.01)
        except _guard.TimeUp:
            return True
        return False

    assert not stopped(now=0.19, work=0.019)  # one of ten programs
    assert stopped(now=0.19, work=0.02)
    assert stopped(now=0.2, work=0.019)
    assert stopped(now=0.02, work=0.0009)  # asleep


def test_the_time_limit_without_signals(monkeypatch):
    monkeypatch.delattr(signal, "setitimer")
    assert hasty(endless).mistake == "too slow"
    assert verdict(centre).ok
    time.sleep(1.2)  # nothing is raised after the check is over


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
def test_the_time_limit_gives_signals_back():
    def ring(number, frame):
        rung.append(number)

    rung = []
    handlers = signal.getsignal(signal.SIGINT)
    old = signal.signal(signal.SIGALRM, ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, 1.3)
    try:
        assert hasty(endless).mistake == "too slow"
        assert signal.getsignal(signal.SIGALRM) is ring
        assert signal.getsignal(signal.SIGINT) is handlers
        until = time.monotonic() + 120
        while not rung and time.monotonic() < until:
            time.sleep(0.01)
        assert rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, old)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_the_readers_own_interrupt_gets_through():
    def waits(x):
        signal.raise_signal(signal.SIGINT)
        time.sleep(3600)

    with pytest.raises(KeyboardInterrupt):
        verdict(waits)


def test_call_passes_copies_and_keywords():
    given_ = [np.ones(2)], {"a": np.ones(2)}

    def answer(values, table, *, k):
        values[0][:] = table["a"][:] = k
        return k

    with pytest.raises(Wrong, match="`values` in place"):
        call(answer, *given_, k=3)
    assert call(answer, *given_, k=3, inplace_ok=True) == 3
    assert given_[0][0].tolist() == [1, 1]
    assert given_[1]["a"].tolist() == [1, 1]


def test_a_generator_argument_is_the_same_for_both():
    def shuffle(values, rng):
        return rng.permutation(values)

    cases = [(np.arange(n), np.random.default_rng(n)) for n in (5, 9)]
    compare(shuffle, shuffle, cases)


# --- assert_close, assert_array, require ----------------------------------------------


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1, 1.0),
        (True, True),
        (np.float32(0.1), 0.1),
        ([1, 2], np.array([1, 2])),
        ((1, 2), [1, 2]),
        ([3, 4], (3, 4)),
        ("cat", "cat"),
        (None, None),
        ({"a": [1.0]}, {"a": np.ones(1)}),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf])),
        ([], []),
        (2**60, 2**60),
    ],
)
def test_close(got, expected):
    assert_close(got, expected)


@pytest.mark.parametrize(
    ("got", "expected", "mistake"),
    [
        (1, 2, "wrong value"),
        (2**60 + 1, 2**60, "wrong value"),
        (1_000_001, 1_000_000, "wrong value"),
        (1_000_001.0, 1_000_000, "wrong value"),
        (0.0, 1e-9, "wrong value"),
        ([1, 1], 1, "wrong shape"),
        (1, [1, 2], "wrong shape"),
        (np.ma.masked_array([1, 2], [0, 1]), [1, 2], "masked array"),
        ("dog", "cat", "wrong value"),
        (3, "cat", "wrong type"),
        ("3", 3, "wrong type"),
        (None, 3, "None"),
        (3, None, "wrong type"),
        ({"a": 1}, {"b": 1}, "wrong keys"),
        ([1], {"b": 1}, "wrong type"),
        ((1, 2, 3), (1, 2), "wrong length"),
        (3, (1, 2), "wrong type"),
        ((1, "a"), (1, "b"), "wrong value"),
        (np.inf, 1.0, "infinite"),
        (np.nan, 1.0, "NaN"),
        (~np.array([True, False]), np.array([True, False]), "wrong value"),
    ],
)
def test_not_close(got, expected, mistake):
    with pytest.raises(Wrong) as wrong:
        assert_close(got, expected)
    assert wrong.value.mistake == mistake


def spread(n):
    return np.random.default_rng(n).permutation(12).reshape(3, 4).astype(float)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: -e, "sign"),
        (lambda e: e * 3, "3 times"),
        (lambda e: e - 2, "too small by 2"),
        (lambda e: e[::-1], "reverse order along axis 0"),
        (lambda e: np.sort(e, axis=None).reshape(e.shape), "another order"),
        (lambda e: e.T, ""),  # of another shape
        (lambda e: e * np.arange(4), ""),
    ],
)
def test_the_relation_to_the_right_values_is_named(change, words):
    pairs = [(change(spread(n)), spread(n)) for n in range(3)]
    found = relation(pairs, None, None)
    assert (words in found) if words else found == ""
    # One case agrees with many relations by luck, and so do a handful of values.
    assert relation(pairs[:1], None, None) == ""
    few = [(change(np.ones((3, 4))), np.ones((3, 4)))] * 3
    assert relation(few, None, None) == ""


def test_relations_of_bytes_booleans_and_matrices():
    squares = [(spread(n)[:, :3].T, spread(n)[:, :3]) for n in range(3)]
    assert "swapped" in relation(squares, None, None)
    bytes_ = [((spread(n) + 300).astype(np.uint8), spread(n) + 300) for n in range(3)]
    assert "wrapped round in uint8" in relation(bytes_, 0, 0)
    truth = [(~(spread(n) > 5), spread(n) > 5) for n in range(3)]
    assert relation(truth, None, None) == ""  # two values are a handful
    assert relation([(["a"], [1.0]), ([[1], [2, 3]], [1.0])], None, None) == ""


def test_dtype():
    assert_close(np.ones(2, np.uint8), np.ones(2))
    assert_close(np.ones(2, np.float32), np.ones(2), dtype=np.float32)
    for dtype in ("same", np.float64):
        with pytest.raises(Wrong, match="dtype uint8; expected is float64"):
            assert_close(np.ones(2, np.uint8), np.ones(2), dtype=dtype)


def test_tolerance_can_be_set():
    assert_close(1.1, 1.0, atol=0.2)
    assert_close(11, 10, rtol=0.2)
    with pytest.raises(Wrong):
        assert_close(1.1, 1.0, rtol=0.01)


def test_a_tensor_that_carries_gradients_is_an_array():
    class Tensor:
        def detach(self):
            return self

        def cpu(self):
            return np.ones(2)

    assert_close(Tensor(), [1.0, 1.0])


@pytest.mark.parametrize(
    ("got", "options", "words"),
    [
        (np.ones(3), {"shape": (4,)}, r"shape \(3,\); expected is \(4,\)"),
        (np.ones(3), {"shape": (None, 1)}, r"\(any, 1\)"),
        (np.ones(3), {"dtype": np.uint8}, "dtype float64; expected is uint8"),
        (np.ones(3), {"dtype": np.integer}, "expected is integer"),
        (np.array([0, 2]), {"high": 1}, "over 1, such as 2"),
        (np.array([-1.5, 2]), {"low": 0}, "under 0, such as -1.5"),
        (np.array([np.nan]), {}, "not finite"),
        ("text", {}, "expected are numbers"),
    ],
)
def test_assert_array_refuses(got, options, words):
    with pytest.raises(Wrong, match=words):
        assert_array(got, **options)


def test_assert_array_accepts():
    got = assert_array([[0, 1]], shape=(None, 2), dtype=np.integer, low=0, high=1)
    assert got.shape == (1, 2)


def test_require():
    require(True, "fine")
    with pytest.raises(Wrong, match="not fine") as wrong:
        require(0, "not fine", "hint", mistake="name")
    assert (wrong.value.hint, wrong.value.mistake) == ("hint", "name")


# --- Display --------------------------------------------------------------------------


def test_displays_and_machine_readable_result():
    def answer(x):
        print("<b>mine</b>")
        return x @ x  # <i>

    found = verdict(answer)
    as_html = found._repr_html_()
    assert "&lt;b&gt;mine&lt;/b&gt;" in as_html
    assert "<code" in as_html
    assert "&lt;i&gt;" in as_html
    assert "<i>" not in as_html
    assert "ValueError" in as_html
    assert "color:#" not in as_html.replace("border-left:.35em solid", "")
    plain = repr(found)
    assert plain.startswith("✘ Exercise 99.50, Centre: not right yet\n")
    assert "In your code, line" in plain
    assert "Your code printed:\n  <b>mine</b>" in plain
    result = json.loads(json.dumps(found.to_dict()))
    assert result["exercise"] == "99.50"
    assert result["status"] == "wrong"
    assert result["line"] == found.line


def test_in_a_notebook_the_line_is_the_cells(tmp_path):
    """IPython keeps a cell's text where tracebacks find it; nothing else has it."""
    pytest.importorskip("IPython")
    script = textwrap.dedent(
        """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        shell.run_cell('''from imgcls_helpers.checks import check, function_exercise
        @function_exercise("99.1", "T", reference=lambda x: x)
        def _(rng):
            yield from [(1,), (2,)]
        ''')
        shell.run_cell("def stub(x):\\n    y = x\\n    ...\\n")
        print(shell.run_cell("check('99.1', stub)").result.ok)
        shell.run_cell("def f(x):\\n\\n    return x / 0  # mine\\n")
        print(shell.run_cell("check('99.1', f)").result.line)
        """
    )
    out = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    ).stdout
    assert "\nNone\n" in out
    assert "line 3: `return x / 0  # mine`" in out


# --- All exercises of the book --------------------------------------------------------

BOOK = [e for number, e in exercises().items() if not number.startswith("99.")]


@pytest.mark.parametrize("found", BOOK, ids=lambda e: e.number)
def test_the_reference_is_right_and_stubs_are_not_yet(found):
    for stub in (..., None):
        assert check(found.number, stub).ok is None, stub
    for seed in (None, 1, 2):
        if found.reference is not None:
            verdict = check(found.number, found.reference, seed=seed)
            assert verdict.ok is True, verdict


@pytest.mark.parametrize(
    ("found", "mistake"),
    [pytest.param(e, m, id=f"{e.number}-{m.name}") for e in BOOK for m in e.mistakes],
)
def test_named_mistakes_of_the_book_get_their_own_diagnosis(found, mistake):
    for seed in (None, 1):
        verdict = check(found.number, mistake.wrong, seed=seed)
        assert verdict.ok is False
        assert verdict.mistake == mistake.name, verdict


@pytest.mark.parametrize("found", BOOK, ids=lambda e: e.number)
@settings(max_examples=5, deadline=None)
@given(output=_OUTPUTS)
def test_rubbish_never_passes(found, output):
    for answer in (output, lambda *args, **kwargs: output):
        verdict = check(found.number, answer)
        assert verdict.ok is not True, (answer, verdict)
