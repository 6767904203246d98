"""Run a reader's code so that nothing it does can harm the check or the notebook."""

from __future__ import annotations

import ast
import contextlib
import copy
import ctypes
import dis
import importlib
import inspect
import io
import linecache
import os
import random
import signal
import site
import sys
import sysconfig
import textwrap
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np

from imgcls_helpers.checks._verdict import NotYet, Wrong

_AGAIN = 0.2  # seconds from one attempt to stop it to the next
_PRINTED = 2000  # characters of the answer's own output that are kept


class TimeUp(BaseException):
    """The time limit, as a BaseException: `except Exception` must not catch it."""


def copied(value: Any) -> Any:
    """Copy what a function could change; other objects are passed as they are."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (np.random.Generator, set, bytearray)):
        return copy.deepcopy(value)
    if type(value) in (list, tuple):
        return type(value)(copied(v) for v in value)
    if type(value) is dict:
        return {k: copied(v) for k, v in value.items()}
    return value


def unchanged(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    if type(one) in (list, tuple):
        return len(one) == len(other) and all(map(unchanged, one, other))
    if type(one) is dict:
        return list(one) == list(other) and all(
            unchanged(one[k], other[k]) for k in one
        )
    if isinstance(one, (set, bytearray)):
        return one == other
    return True


def _folders() -> tuple[str, ...]:
    """Return where code lives that is not the reader's."""
    found = [sysconfig.get_path(k) for k in ("stdlib", "platstdlib", "purelib")]
    found += [sysconfig.get_path("platlib"), *site.getsitepackages()]
    found.append(site.getusersitepackages())
    found.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return tuple({os.path.join(folder, "") for folder in found if folder})


_NOT_THEIRS = _folders()


def own_line(raised: BaseException, answer: Any) -> str:
    """Return the reader's last line in a traceback, as "line 3: `x = y`"."""
    own = getattr(getattr(answer, "__code__", None), "co_filename", None)
    found = None
    for frame, number in traceback.walk_tb(raised.__traceback__):
        file = frame.f_code.co_filename
        if file == own or not (
            file.startswith(_NOT_THEIRS) or file.startswith("<frozen")
        ):
            found = file, number
    if found is None:
        return ""
    text = linecache.getline(*found).strip()
    return f"line {found[1]}: `{text}`" if text else f"line {found[1]}"


_HINTS = {
    "RecursionError": "The function calls itself without end.",
    "MemoryError": "It asks for more memory than there is.",
    "ZeroDivisionError": "What should happen where the divisor is zero?",
}


def error_text(raised: BaseException) -> str:
    try:
        text = " ".join(str(raised).split())
    except Exception:
        return "(its message cannot be shown)"
    return text if len(text) <= 300 else text[:300] + "…"


def from_exception(raised: BaseException, answer: Any) -> Wrong | NotYet:
    line = own_line(raised, answer)
    if isinstance(raised, SystemExit):
        return Wrong(
            "It tried to stop Python.",
            "Use `return` to leave a function, not `exit()` or `sys.exit()`.",
            mistake="exit",
            line=line,
        )
    text = error_text(raised)
    if isinstance(raised, TypeError) and "ellipsis" in text:
        return NotYet("Replace every `...` with code, then run this cell again.")
    return Wrong(
        f"It raised {kind_of(raised)}: {text}"
        if text
        else f"It raised {kind_of(raised)}.",
        _HINTS.get(kind_of(raised), ""),
        mistake=kind_of(raised),
        line=line,
    )


class Printed(io.TextIOBase):
    """Takes what is printed and keeps only its beginning."""

    def __init__(self) -> None:
        self._kept = ""
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = _PRINTED - len(self._kept)
        if room > 0:
            self._kept += text[:room]
        self._length += len(text)
        return len(text)

    def text(self) -> str:
        more = self._length - len(self._kept)
        return self._kept.rstrip() + (f"\n[{more} characters more]" if more else "")


@contextlib.contextmanager
def own_random_state(seed: int) -> Iterator[None]:
    """Seed the global random numbers for the answer, and put them back after it."""
    # The old global state of NumPy, since answers may use it.
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        with np.errstate(), _kept_keras_state():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


@contextlib.contextmanager
def _kept_keras_state() -> Iterator[None]:
    """Put Keras's global random numbers back, where Keras is in use at all."""
    if "keras" not in sys.modules:
        yield
        return
    import keras

    # `keras.utils.set_random_seed` writes these; there is no public way to read them.
    state = importlib.import_module("keras.src.backend.common.global_state")
    names = ("global_random_seed", "global_seed_generator")
    kept = {name: state.get_global_attribute(name) for name in names}
    generator = kept["global_seed_generator"]
    drawn = None if generator is None else keras.ops.copy(generator.state.value)
    torch = sys.modules.get("torch")
    of_torch = None if torch is None else torch.get_rng_state()
    try:
        yield
    finally:
        for name, value in kept.items():
            state.set_global_attribute(name, value)
        if generator is not None:
            generator.state.assign(drawn)
        if torch is not None:
            torch.set_rng_state(of_torch)


@contextlib.contextmanager
def no_exit() -> Iterator[None]:
    """Let every way to stop Python raise SystemExit, which can be caught.

    In a notebook ``exit()`` raises nothing: it tells the kernel to end after the cell,
    and all that the reader computed is lost.
    """
    leave, process = os._exit, os.getpid()

    def stop(*arguments: Any) -> None:
        if os.getpid() != process:  # one that the answer started
            leave(*arguments)
        raise SystemExit

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    os._exit = stop  # type: ignore[assignment]
    if shell:
        shell.ask_exit = stop
    try:
        yield
    finally:
        os._exit = leave
        if shell:
            del shell.ask_exit


class Interrupted(BaseException):
    """The reader pressed stop. A KeyboardInterrupt may also come from the answer."""


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Tell a real interrupt from a KeyboardInterrupt that the answer raises."""
    if not _in_main_thread():
        yield
        return

    def stop(number: int, frame: types.FrameType | None) -> None:
        raise Interrupted

    old = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(
            signal.SIGINT, old if old is not None else signal.default_int_handler
        )


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp inside the block once the time is over, again and again.

    It is the processor's time, since a busy machine is not the answer's fault: by the
    clock it may take ten times as long, unless it does nothing in it but sleep.

    Where there are signals, they do it, since they also end a sleep. Elsewhere
    (Windows, other threads) a watching thread asks Python to raise in this one.
    """
    signals = _in_main_thread() and hasattr(signal, "setitimer")
    traced = sys.gettrace()
    began, worked = time.monotonic(), time.process_time()

    def used_up() -> bool:
        took, work = time.monotonic() - began, time.process_time() - worked
        return work >= seconds or work < took / 20 or took >= 10 * seconds

    try:
        with (_alarm if signals else _watch)(seconds, used_up, _insistent()):
            yield
    finally:
        if sys.gettrace() is not traced:
            sys.settrace(traced)


def _insistent() -> type[TimeUp]:
    """Return a TimeUp that gets out of a loop with a bare `except:` too.

    Such a loop swallows the exception wherever it is raised inside of the `try`, and
    that is where the time goes. So from the second time on, being raised turns on
    tracing, which raises again some lines later, each time one line more: sooner or
    later on a line outside of the `try`.
    """
    raised = left = 0

    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename.startswith(_NOT_THEIRS):
            return None
        left -= event == "line"
        if left <= 0:
            raise TimeUp
        return trace

    class Insistent(TimeUp):
        # Python calls this in the thread, and in the frame, where it raises.
        def __init__(self) -> None:
            nonlocal raised, left
            raised += 1
            if raised == 1:
                return
            left = raised
            frame: FrameType | None = sys._getframe(1)
            while frame and frame.f_code.co_filename == __file__:
                frame = frame.f_back
            while frame and frame.f_code.co_filename != __file__:
                if not frame.f_code.co_filename.startswith(_NOT_THEIRS):
                    frame.f_trace = trace
                frame = frame.f_back
            sys.settrace(trace)

    return Insistent


@contextlib.contextmanager
def _alarm(
    seconds: float, used_up: Callable[[], bool], time_up: type[TimeUp]
) -> Iterator[None]:
    over = False

    def ring(number: int, frame: types.FrameType | None) -> None:
        if not over and used_up():
            raise time_up

    began = time.monotonic()
    old = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        over = True  # One that is still on its way must not disturb what follows.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old if old is not None else signal.SIG_DFL)
        if left:  # somebody else's timer, such as that of a test runner
            left = max(left - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


@contextlib.contextmanager
def _watch(
    seconds: float, used_up: Callable[[], bool], time_up: type[TimeUp]
) -> Iterator[None]:
    target = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    over = threading.Event()
    lock = threading.Lock()

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set() and used_up():
                    raise_in(target, ctypes.py_object(time_up))
            wait = _AGAIN

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    waiting = True
    try:
        yield
    finally:
        while waiting:
            with contextlib.suppress(TimeUp), lock:
                over.set()
                raise_in(target, None)  # forget one that is still on its way
                waiting = False


WRITE_THE_BODY = "Write the function's body, then run this cell again."


def is_stub(function: Any) -> bool:
    """Whether a function that returned None has nothing of its own in it yet."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return False
    trivial = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
    if {i.opname for i in dis.get_instructions(code)} <= trivial:
        return True
    # Some stubs give the first lines; then a bare `...` is what is left to do.
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and node.value.value is Ellipsis
        for node in ast.walk(tree)
    )


def kind_of(raised: BaseException) -> str:
    return type(raised).__name__
