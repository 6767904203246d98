"""Which Keras backend is used, and the little that differs between backends.

Keras 3 runs on TensorFlow, JAX or PyTorch and decides which when it is imported.
Importing this module makes that decision first, without importing Keras or a
backend itself:

1. ``KERAS_BACKEND``, if the environment variable is set;
2. the backend of Keras, if Keras is imported already;
3. JAX, if there is an NVIDIA GPU and JAX is installed with its CUDA plugin;
4. the first that is installed of TensorFlow (by far the fastest on a CPU), JAX
   and PyTorch.

The file ``~/.keras/keras.json`` has no say: Keras writes it unasked, so it does not
tell what the reader wants.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import logging
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from imgcls_helpers._arguments import numbers_of, outside, path_in, refuse

__all__ = [
    "BackendError",
    "accelerator",
    "gradient",
    "instructions",
    "name",
    "version",
]

_BACKENDS = ("tensorflow", "jax", "torch")

_INSTALL = """\
  pip install tensorflow   (the fastest of the three on a CPU)
  pip install jax          (on a GPU: pip install "jax[cuda12]")
  pip install torch"""


class BackendError(ImportError):
    """No backend for Keras can be used; the message says what to install.

    Examples
    --------
    >>> from imgcls_helpers import backend
    >>> try:
    ...     name = backend.name()
    ... except backend.BackendError as error:
    ...     name = str(error)
    >>> name in ("tensorflow", "jax", "torch")
    True
    """


def _installed(module: str) -> bool:
    """Whether `module` can be imported, found out without importing it."""
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    # A folder called "jax" beside the notebook is found too, but has no origin.
    return spec is not None and spec.origin is not None


def _nvidia_gpu() -> bool:
    """Whether an NVIDIA GPU is there and not hidden, found out without a backend."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/nvidia0"):
        return True
    # Windows, and Linux inside Windows, have no such device files.
    windows = sys.platform == "win32" or os.path.exists("/dev/dxg")
    return windows and shutil.which("nvidia-smi") is not None


def _accelerator_possible() -> bool:
    """Whether asking the backend for an accelerator can be worth its import."""
    if sys.platform != "linux":
        return True
    others = ("/dev/kfd", "/dev/accel0", "/dev/vfio")  # AMD GPUs, TPUs
    return _nvidia_gpu() or any(map(os.path.exists, others))


def _jax_has_cuda() -> bool:
    if os.environ.get("JAX_PLATFORMS", "cuda").strip().lower() == "cpu":
        return False
    # The two ways in which JAX itself looks for its plugins.
    found = [e.name for e in importlib.metadata.entry_points(group="jax_plugins")]
    spec = importlib.util.find_spec("jax_plugins")
    for folder in (spec and spec.submodule_search_locations) or ():
        found += [path.name for path in Path(folder).glob("*cuda*")]
    return any("cuda" in entry for entry in found)


def _loaded_keras_backend() -> str | None:
    keras = sys.modules.get("keras")
    try:
        return keras.config.backend() if keras else None
    except AttributeError:  # Keras is being imported at this very moment.
        return None


def _choose() -> tuple[str, str]:
    """Return the backend to use, and why; the order is in the module's docstring."""
    wanted = os.environ.get("KERAS_BACKEND", "").strip()
    loaded = _loaded_keras_backend()
    if loaded:
        if wanted and wanted != loaded:
            warnings.warn(
                f"KERAS_BACKEND is {wanted!r}, but Keras was imported before with "
                f"{loaded!r} and stays with it. To change the backend, restart the "
                "kernel and set KERAS_BACKEND before the first import.",
                stacklevel=3,
            )
        wanted = loaded
    if wanted:
        if wanted not in _BACKENDS:
            raise BackendError(
                f"KERAS_BACKEND is {wanted!r}. Expected one of "
                f"{', '.join(map(repr, _BACKENDS))}: set it to one of these, or unset "
                "it to have one chosen."
            )
        if not _installed(wanted):
            others = [b for b in _BACKENDS if _installed(b)]
            instead = (
                f"unset KERAS_BACKEND to use {others[0]!r}, which is installed."
                if others
                else "install one of the others."
            )
            raise BackendError(
                f"KERAS_BACKEND is {wanted!r}, but {wanted} is not installed in "
                f"{sys.executable}. Either `pip install {wanted}`, or {instead}"
            )
        reason = "Keras was imported with it" if loaded else "named by KERAS_BACKEND"
        return wanted, reason
    if _installed("jax") and _nvidia_gpu() and _jax_has_cuda():
        return "jax", "since there is an NVIDIA GPU, and JAX for CUDA"
    for backend in _BACKENDS:
        if _installed(backend):
            return backend, f"the first installed of {', '.join(_BACKENDS)}"
    raise BackendError(
        "Keras needs TensorFlow, JAX or PyTorch to compute with, and none of them is "
        f"installed in {sys.executable}. Install one, then restart:\n{_INSTALL}"
    )


class _QuietTensorFlow:
    """Finder that keeps TensorFlow's start-up log off the page.

    Setting TF_CPP_MIN_LOG_LEVEL is not enough: some lines (oneDNN, CUDA plugins) are
    written to the terminal while TensorFlow's libraries are loaded, before it reads
    its own settings. So what is written to file descriptor 2 during this one import
    is held back, and everything that is not such a line is passed on afterwards.
    """

    _NOISE = re.compile(
        rb"[IWE]\d{4} |WARNING: All log messages before absl|To enable the following"
        rb"|\d{4}-\d\d-\d\d [\d:.]+: [IWE] "
    )

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "tensorflow":
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)):
                if spec.loader is not None:
                    quietly = functools.partial(self._quietly, spec.loader.exec_module)
                    spec.loader.exec_module = quietly  # type: ignore[method-assign]
                return spec
        return None

    def _quietly(self, load: Callable[[Any], None], module: Any) -> None:
        sys.meta_path.remove(self)  # TensorFlow is imported once.
        with tempfile.TemporaryFile() as log:
            try:
                stderr = os.dup(2)
                os.dup2(log.fileno(), 2)
            except OSError:  # There is no terminal to keep clean.
                load(module)
                return
            try:
                load(module)
            finally:
                os.dup2(stderr, 2)
                os.close(stderr)
                log.seek(0)
                kept = [line for line in log if not self._NOISE.match(line)]
                sys.stderr.write(b"".join(kept).decode(errors="replace"))


# Executed pages stay clean; whoever wants to see TensorFlow's log sets this to 0.
_log_level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if _log_level in ("2", "3") and "tensorflow" not in sys.modules:
    sys.meta_path.insert(0, _QuietTensorFlow())
    # A page that makes several models is told each time that this is slow.
    logging.getLogger("tensorflow").addFilter(
        lambda record: "triggered tf.function retracing" not in record.getMessage()
    )
os.environ["KERAS_BACKEND"], _REASON = _choose()
# Keras would take "~" for the name of a folder, and an empty path for one as well.
if _home := path_in("KERAS_HOME"):
    os.environ["KERAS_HOME"] = str(_home)
else:
    os.environ.pop("KERAS_HOME", None)
if os.environ["KERAS_BACKEND"] == "jax":
    # Keras asks JAX for labels as NumPy has them, int64; int32 holds every class.
    warnings.filterwarnings("ignore", "Explicitly requested dtype int64", UserWarning)


def name() -> str:
    """Return the backend that Keras uses: "tensorflow", "jax" or "torch".

    Examples
    --------
    >>> from imgcls_helpers import backend
    >>> backend.name() in ("tensorflow", "jax", "torch")
    True
    """
    return _loaded_keras_backend() or os.environ["KERAS_BACKEND"]


def version() -> str:
    """Return the version of the backend, without importing it.

    Examples
    --------
    >>> from imgcls_helpers import backend
    >>> backend.version()[0].isdigit()
    True
    """
    module = name()
    if module in sys.modules:
        return sys.modules[module].__version__
    # TensorFlow comes in packages of several names.
    suffixes = ("", "-cpu", "-intel", "-macos") if module == "tensorflow" else ("",)
    for suffix in suffixes:
        try:
            return importlib.metadata.version(module + suffix)
        except importlib.metadata.PackageNotFoundError:
            continue
    return importlib.import_module(module).__version__


@functools.cache
def accelerator() -> str | None:
    """Return the name of the first GPU (or TPU) the backend can use, or None.

    Where the machine may have one, this imports the backend and asks it: a GPU that
    the installed backend cannot use does not count.

    Examples
    --------
    >>> from imgcls_helpers import backend
    >>> name = backend.accelerator()
    >>> name is None or len(name) > 0
    True
    """
    if not _accelerator_possible():
        return None
    return {
        "tensorflow": _accelerator_tensorflow,
        "jax": _accelerator_jax,
        "torch": _accelerator_torch,
    }[name()]()


def _accelerator_tensorflow() -> str | None:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    details = tf.config.experimental.get_device_details(gpus[0])
    return details.get("device_name", "GPU")


def _accelerator_jax() -> str | None:
    import jax

    device = jax.devices()[0]
    return None if device.platform == "cpu" else device.device_kind


def _accelerator_torch() -> str | None:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    if torch.backends.mps.is_available():
        return "Apple GPU"
    return None


# What the system calls wide vectors, the widest first, and the instructions for a
# precision, on x86 and on ARM.
_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "sve": "SVE", "asimd": "NEON"}
_INSTRUCTIONS = {
    "bfloat16": {"avx512_bf16", "amx_bf16", "bf16"},
    "float16": {"avx512_fp16", "amx_fp16", "asimdhp"},
}
_told: set[str] = set()


@functools.cache
def _processor() -> frozenset[str]:
    """Return what the processor says it can do; nothing where that is not known."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # another system than Linux
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found.group(1).split()) if found else frozenset()


def instructions() -> str:
    """Return what the processor has for fast arithmetic, as far as it can be known.

    By these the time of one training differs severalfold between processors.

    Returns
    -------
    str
        Its widest vectors, and the precisions below float32 that it computes in:
        "AVX-512, bfloat16", or "" where the system does not say.

    Examples
    --------
    >>> from imgcls_helpers import backend
    >>> isinstance(backend.instructions(), str)
    True
    """
    known = _processor()
    vectors = [word for flag, word in _VECTORS.items() if flag in known][:1]
    return ", ".join(
        [*vectors, *(d for d, own in _INSTRUCTIONS.items() if known & own)]
    )


def warn_of_imitation(dtypes: Iterable[str]) -> None:
    """Say, once for each, that the processor only imitates a precision asked for."""
    for dtype in sorted(set(dtypes) & _INSTRUCTIONS.keys() - _told):
        known = _processor()
        if not known or known & _INSTRUCTIONS[dtype] or accelerator():
            continue
        _told.add(dtype)
        warnings.warn(
            f"The model computes in {dtype}. This processor has no instructions for "
            "it and imitates them, which is slower than float32, often several times. "
            "Without an accelerator, leave the precision at float32.",
            UserWarning,
            stacklevel=outside(),
        )


def gradient(fn: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """Return the gradient of a scalar function at `x`, on any backend.

    Parameters
    ----------
    fn : callable
        Takes one tensor with the shape and dtype of `x` and returns one number (a
        tensor with a single element). It computes with ``keras.ops``, a Keras model,
        or the backend's own functions; not with NumPy, which gradients do not pass.
    x : ndarray of float32 or float64, any shape
        Where to take the gradient. With float64, the computation is in float64 on
        JAX too, except inside layers, which compute in their own dtype, and those
        ``keras.ops`` (``sin``, ``log`` and others) that always give float32 on JAX.

    Returns
    -------
    ndarray, shape and dtype of `x`
        ``g[i] = d fn(x) / d x[i]``.

    Raises
    ------
    ValueError
        If `x` is not a float array, is empty or has a NaN or an infinite value; if
        `fn` cannot be called or returns more than one number, or if its result does
        not depend on its argument.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers import backend
    >>> import keras
    >>> x = np.array([1.0, 2.0, 3.0], dtype="float32")
    >>> backend.gradient(lambda z: keras.ops.sum(z * z), x)
    array([2., 4., 6.], dtype=float32)
    """
    if not callable(fn):
        refuse("fn", "a function or a Keras model", fn)
    numbers_of(x, "x", "floats, one at least", range(65))
    x = np.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        cure = "Use `np.asarray(x, dtype='float32')`."
        refuse("x", "of dtype float32 or float64", x, cure=cure)
    compute = {
        "tensorflow": _gradient_tensorflow,
        "jax": _gradient_jax,
        "torch": _gradient_torch,
    }[name()]
    return np.asarray(compute(fn, x), dtype=x.dtype)


def _one_number(value: Any) -> None:
    shape = tuple(value.shape) if hasattr(value, "shape") else None
    if shape is not None and np.prod(shape, dtype=int) != 1:
        refuse(
            "fn",
            "a function that returns one number",
            came=f"an array of shape {shape}",
            cure="Pick one entry, or sum them, inside of fn.",
        )


def _no_dependence(name: str) -> NoReturn:
    refuse(
        "fn",
        f"a function of its argument that {name} can follow",
        came="a result that does not depend on it",
        cure="Does fn use it at all? Does it make a NumPy array of it on the way?",
    )


def _gradient_tensorflow(fn: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    z = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = fn(z)
        _one_number(value)
    result = tape.gradient(value, z) if tf.is_tensor(value) else None
    if result is None:
        _no_dependence("TensorFlow")
    return tf.convert_to_tensor(result).numpy()


def _gradient_jax(fn: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    import jax

    def scalar(z: Any) -> Any:
        value = fn(z)
        _one_number(value)
        if not isinstance(value, jax.core.Tracer):
            _no_dependence("JAX")
        return value.reshape(())

    if x.dtype == np.float64:
        try:
            from jax import enable_x64
        except ImportError:  # before JAX 0.8
            from jax.experimental import enable_x64
        with enable_x64(True):
            return np.asarray(jax.grad(scalar)(jax.numpy.asarray(x)))
    return np.asarray(jax.grad(scalar)(jax.numpy.asarray(x)))


def _gradient_torch(fn: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    import keras
    import torch

    with torch.enable_grad():
        # Keras puts the tensor on the device where its models are.
        z = keras.ops.convert_to_tensor(x).detach().clone().requires_grad_(True)
        value = fn(z)
        _one_number(value)
        if not (torch.is_tensor(value) and value.requires_grad):
            _no_dependence("PyTorch")
        (result,) = torch.autograd.grad(value.reshape(()), z, allow_unused=True)
    if result is None:
        _no_dependence("PyTorch")
    return result.detach().cpu().numpy()
