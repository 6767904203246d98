"""Which backend is picked, what is said without one, and gradients on each."""

import functools
import importlib.util
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from imgcls_helpers import backend

BACKENDS = ("tensorflow", "jax", "torch")


def installed(name):
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


INSTALLED = [name for name in BACKENDS if installed(name)]

each_backend = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                name not in INSTALLED, reason=f"{name} is not installed here"
            ),
        )
        for name in BACKENDS
    ],
)

# Stands in front of a script: modules named in BLOCKED cannot be imported, those in
# PRETEND seem to be installed.
PRELUDE = """
import importlib.machinery, os, sys
BLOCKED = os.environ.get("BLOCKED", "").split()
PRETEND = os.environ.get("PRETEND", "").split()
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in PRETEND:
            spec = importlib.machinery.ModuleSpec(name, None, origin="pretended")
            return spec
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Finder())
"""


def python(script, *, blocked="", pretend="", check=True, **env):
    """Run a script in a process of its own and return what it says."""
    clean = {
        k: v
        for k, v in os.environ.items()
        if k not in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES")
    }
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        env={**clean, "BLOCKED": blocked, "PRETEND": pretend, **env},
        capture_output=True,
        text=True,
        check=check,
    )


PICK = "from imgcls_helpers import backend; print(backend.name())"


# --- Importing ------------------------------------------------------------------------


def test_the_package_imports_nothing_heavy():
    out = python(
        """
        import imgcls_helpers
        heavy = {"keras", "numpy", "matplotlib", "tensorflow", "jax", "torch"}
        print(sorted(heavy & set(sys.modules)), imgcls_helpers.__version__)
        """
    ).stdout
    assert out.startswith("[] 0.")


def test_backend_and_runtime_import_neither_keras_nor_a_backend():
    out = python(
        """
        from imgcls_helpers import backend, runtime
        heavy = {"keras", "matplotlib", "tensorflow", "jax", "torch"}
        print(sorted(heavy & set(sys.modules)), os.environ["KERAS_BACKEND"])
        """
    ).stdout
    assert out == f"[] {INSTALLED[0]}\n"


def test_checks_and_plots_need_no_backend():
    python(
        "from imgcls_helpers import plots; from imgcls_helpers.checks import check",
        blocked=" ".join(BACKENDS),
    )


# --- Choosing -------------------------------------------------------------------------


def test_without_a_backend_the_package_imports_and_the_error_says_what_to_install():
    out = python(
        """
        import imgcls_helpers
        try:
            from imgcls_helpers import backend
        except ImportError as error:
            print(type(error).__name__, error)
        """,
        blocked=" ".join(BACKENDS),
    ).stdout
    assert out.startswith("BackendError ")
    for name in BACKENDS:
        assert f"pip install {name}" in out
    assert sys.executable in out


def test_the_order_without_a_gpu():
    assert python(PICK, pretend="tensorflow jax torch").stdout == "tensorflow\n"
    some = {"blocked": "tensorflow", "pretend": "jax torch"}
    assert python(PICK, **some).stdout == "jax\n"
    some = {"blocked": "tensorflow jax", "pretend": "torch"}
    assert python(PICK, **some).stdout == "torch\n"


@pytest.mark.parametrize(
    ("gpu", "cuda", "expected"),
    [(1, 1, "jax"), (1, 0, "tensorflow"), (0, 1, "tensorflow")],
)
def test_jax_on_an_nvidia_gpu_with_its_cuda_plugin(monkeypatch, gpu, cuda, expected):
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(backend, "_installed", lambda module: module != "torch")
    monkeypatch.setattr(backend, "_nvidia_gpu", lambda: bool(gpu))
    monkeypatch.setattr(backend, "_jax_has_cuda", lambda: bool(cuda))
    assert backend._choose()[0] == expected


def test_a_hidden_gpu_does_not_count(monkeypatch):
    monkeypatch.setattr(os.path, "exists", lambda path: path == "/dev/nvidiactl")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert backend._nvidia_gpu()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert not backend._nvidia_gpu()


def test_jax_plugin_is_found_where_jax_looks_for_it(monkeypatch, tmp_path):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    monkeypatch.setattr(backend.importlib.metadata, "entry_points", lambda group: [])
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "jax_plugins" / "xla_rocm").mkdir(parents=True)
    assert not backend._jax_has_cuda()
    (tmp_path / "jax_plugins" / "xla_cuda13").mkdir()
    assert backend._jax_has_cuda()
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert not backend._jax_has_cuda()


@each_backend
def test_keras_backend_is_obeyed(name):
    assert python(PICK, KERAS_BACKEND=name).stdout == f"{name}\n"


def test_keras_backend_that_is_not_installed():
    out = python(PICK, check=False, blocked="jax", KERAS_BACKEND="jax")
    assert "'jax', but jax is not installed in" in out.stderr
    assert "pip install jax" in out.stderr


@pytest.mark.parametrize("wanted", ["numpy", "tensorflw"])
def test_keras_backend_that_the_book_does_not_know(wanted):
    out = python(PICK, check=False, KERAS_BACKEND=wanted)
    assert f"KERAS_BACKEND is {wanted!r}. Expected one of" in out.stderr


def test_keras_that_is_loaded_already_decides():
    script = f"""
        import types
        sys.modules["keras"] = keras = types.ModuleType("keras")
        keras.config = types.SimpleNamespace(backend=lambda: {INSTALLED[0]!r})
        {PICK}
        print(os.environ["KERAS_BACKEND"])
        """
    out = python(script, pretend=" ".join(BACKENDS))
    assert (out.stdout, out.stderr) == (f"{INSTALLED[0]}\n" * 2, "")
    other = "torch" if INSTALLED[0] != "torch" else "jax"
    out = python(script, pretend=" ".join(BACKENDS), KERAS_BACKEND=other)
    assert out.stdout == f"{INSTALLED[0]}\n" * 2
    assert "restart the kernel" in out.stderr


@pytest.mark.parametrize("home", ["", " ", "~/keras"])
def test_the_home_of_keras_follows_the_rule_for_paths(home, tmp_path):
    out = python(
        """
        from imgcls_helpers import backend
        print(os.environ.get("KERAS_HOME"))
        """,
        **{"KERAS_HOME": home, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)},
    )
    assert out.stdout.strip() == (str(tmp_path / "keras") if "~" in home else "None")


def test_a_folder_of_the_readers_is_not_a_backend(tmp_path, monkeypatch):
    (tmp_path / "surely_not_installed").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.util.find_spec("surely_not_installed") is not None
    assert not backend._installed("surely_not_installed")


def test_tensorflow_log_is_there_for_who_asks():
    out = python(
        "from imgcls_helpers import backend; print(len(sys.meta_path))",
        TF_CPP_MIN_LOG_LEVEL="0",
    )
    quiet = python("from imgcls_helpers import backend; print(len(sys.meta_path))")
    assert int(quiet.stdout) == int(out.stdout) + 1


def test_the_log_filter_passes_on_what_is_not_noise():
    out = python(
        """
        from imgcls_helpers.backend import _QuietTensorFlow
        quiet = _QuietTensorFlow()
        sys.meta_path.append(quiet)
        def load(module):
            os.write(2, b"I0000 00:00:1 port.cc:153] oneDNN\\nreal trouble\\n")
            os.write(2, b"2025-01-01 00:00:00.1: E external/x.cc] cuFFT\\n")
        quiet._quietly(load, None)
        """
    )
    assert out.stderr == "real trouble\n"


# --- Gradients ------------------------------------------------------------------------

GRADIENTS = """
import warnings
import numpy as np
from imgcls_helpers import backend
import keras
from keras import ops
rng = np.random.default_rng(0)

def close(got, want, dtype, tolerance):
    assert isinstance(got, np.ndarray) and got.dtype == dtype, got
    assert got.shape == want.shape, got.shape
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)

for dtype, tolerance in [("float32", 2e-6), ("float64", 1e-13)]:
    for shape in [(), (1,), (3,), (2, 3, 1)]:
        x = rng.normal(size=shape).astype(dtype)
        w = rng.normal(size=shape).astype(dtype)
        g = backend.gradient(lambda z: ops.sum(ops.multiply(w, ops.sin(z))), x)
        close(g, w * np.cos(x), dtype, 2e-6)  # Keras's sin is float32 on JAX
        g = backend.gradient(lambda z: ops.sum(z * z * z), x)
        close(g, 3 * x * x, dtype, tolerance)
        g = backend.gradient(lambda z: ops.reshape(ops.sum(ops.exp(z)), (1, 1)), x)
        close(g, np.exp(x), dtype, tolerance)
    x = rng.normal(size=(4, 3)).astype(dtype)
    y = np.array([0, 2, 1, 1])
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    def loss(z):
        z = z - ops.logsumexp(z, axis=1, keepdims=True)
        return -ops.mean(ops.take_along_axis(z, y[:, None], axis=1))
    close(backend.gradient(loss, x), (p - np.eye(3)[y]) / 4, dtype, 2e-6)

keras.utils.set_random_seed(0)
model = keras.Sequential([
    keras.Input((4,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(1)
])
x = rng.normal(size=(1, 4)).astype("float32")
a, b, c, d = model.get_weights()
want = ((1 - np.tanh(x @ a + b) ** 2) * c.T) @ a.T
close(backend.gradient(model, x), want, "float32", 2e-6)
close(backend.gradient(model, x.astype("float64")), want, "float64", 2e-6)

image = rng.random((1, 6, 6, 2)).astype("float32")
kernel = rng.normal(size=(3, 3, 2, 1)).astype("float32")
g = backend.gradient(lambda z: ops.sum(ops.conv(z, kernel)), image)
want = sum(
    np.pad(
        np.broadcast_to(kernel[i, j, :, 0], (4, 4, 2)),
        ((i, 2 - i), (j, 2 - j), (0, 0)),
    )
    for i in range(3)
    for j in range(3)
)
close(g, want[None], "float32", 1e-5)

for fn, words in [
    (lambda z: z * 2, "returns one number; got an array of shape (3,)"),
    (lambda z: ops.sum(ops.ones(3)), "does not depend on it"),
    (lambda z: 3.0, "does not depend on it"),
]:
    try:
        backend.gradient(fn, np.ones(3, "float32"))
    except ValueError as error:
        assert words in str(error), error
    else:
        raise AssertionError(words)
warnings.simplefilter("ignore")  # PyTorch's tensors and NumPy do not go together
for fn in [lambda z: np.sum(np.square(np.asarray(z))), lambda z: ops.sum(np.array(z))]:
    try:
        backend.gradient(fn, np.ones(3, "float32"))
    except Exception:
        pass
    else:
        raise AssertionError("NumPy inside of fn went unnoticed")
backend._accelerator_possible = lambda: True
print(backend.name(), backend.accelerator(), backend.version())
"""


@functools.cache
def whole_script(name):
    # Importing a backend takes long, so that one process serves several tests.
    hidden = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    return python(GRADIENTS, KERAS_BACKEND=name, check=False, **hidden)


@each_backend
def test_gradients_against_analytic_ones(name):
    assert whole_script(name).returncode == 0, whole_script(name).stderr[-3000:]


@each_backend
def test_importing_keras_prints_nothing(name):
    assert whole_script(name).stderr == ""


@each_backend
def test_name_version_and_that_a_cpu_is_no_accelerator(name):
    *words, version = whole_script(name).stdout.split()
    assert " ".join(words) in (f"{name} None", f"{name} Apple GPU")
    assert version[0].isdigit()


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (np.arange(3), TypeError, "dtype int64.*dtype='float32'"),
        (np.ones(3, np.float16), TypeError, "float16"),
        (np.ones((0, 3)), ValueError, r"one at least; got .*\(0, 3\)"),
        (np.array([1, np.nan, np.inf]), ValueError, "2 of 3 values"),
        (np.ma.MaskedArray([1.0, 2.0], [True, False]), TypeError, "1 of 2 values"),
        (["1.0"], ValueError, "floats, one at least; got"),
    ],
)
def test_gradient_refuses(x, error, words):
    with pytest.raises(error, match=words):
        backend.gradient(lambda z: z, x)


def test_gradient_needs_a_function():
    with pytest.raises(TypeError, match="must be a function"):
        backend.gradient(3, np.ones(2))


# --- Devices --------------------------------------------------------------------------


def test_without_any_device_the_backend_is_not_imported(monkeypatch):
    backend.accelerator.cache_clear()
    monkeypatch.setattr(backend, "_accelerator_possible", lambda: False)
    monkeypatch.setattr(backend, "name", lambda: pytest.fail("asked the backend"))
    assert backend.accelerator() is None
    backend.accelerator.cache_clear()


def test_version_is_found_under_any_name_of_the_package(monkeypatch):
    def version(name):
        if name != "tensorflow-macos":
            raise backend.importlib.metadata.PackageNotFoundError(name)
        return "9.9"

    monkeypatch.setattr(backend, "name", lambda: "tensorflow")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(backend.importlib.metadata, "version", version)
    assert backend.version() == "9.9"


def test_the_remark_on_retracing_is_kept_off_the_page():
    code = """
import logging
from imgcls_helpers import backend
logger = logging.getLogger("tensorflow")
logger.warning("5 out of the last 5 calls to f triggered tf.function retracing.")
logger.warning("something else")
"""
    assert python(code).stderr.strip() == "something else"
