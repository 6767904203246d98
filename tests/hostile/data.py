"""Hostile conditions: the network, the cache folder, the disk, downloads, archives."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import http.server
import io
import os
import re
import socket
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from imgcls_helpers._arguments import ArgumentError
from imgcls_helpers.data import (
    Dataset,
    DataUnavailableError,
    _download,
    _known,
    load_dataset,
)
from tests.hostile import (
    Place,
    case,
    files_in,
    full_disk,
    refused,
    within,
    without_rights,
)
from tests.package import test_data

network = partial(case, "Network and files")
WAYS_OUT = r"three ways out: connect .* IMGCLS_DATA .* fallback='shapes'"


def unavailable(words: str, name: str = "mnist") -> str:
    """Return what is said of a data set that is out of reach, the ways out cut."""
    message = refused(DataUnavailableError, WAYS_OUT, load_dataset, name)
    assert re.search(words, message), message
    return message.partition("three ways out:")[0] + "three ways out: …"


def nowhere(place: Place, *, online: bool = False) -> Path:
    """Have no data folder and an empty cache; return the folder of the cache."""
    place.patch.delenv("IMGCLS_DATA", raising=False)
    place.patch.setenv("IMGCLS_OFFLINE", "0" if online else "1")
    place.patch.setenv("KERAS_HOME", str(place.folder / "keras"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        place.patch.delenv(name, raising=False)
    cache = place.folder / "keras" / "datasets"
    cache.mkdir(parents=True)
    return cache


def at(place: Place, address: str, name: str = "mnist", **change: object) -> None:
    """Let a data set be downloaded from another address."""
    known = dataclasses.replace(_known.KNOWN[name], url=address, **change)
    place.patch.setitem(_known.KNOWN, name, known)


# --- The network ----------------------------------------------------------------------


class Server(http.server.BaseHTTPRequestHandler):
    """Is there, and answers a download with what its server holds in `answer`."""

    def do_HEAD(self):
        self.send_response(404 if self.server.answer == "missing" else 200)
        self.end_headers()

    def do_GET(self):
        answer, more = self.server.answer, 0
        if answer in ("cut short", "stands still"):
            answer, more = b"x" * 1000, 9000
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer) + more))
        self.end_headers()
        self.wfile.write(answer)
        if self.server.answer == "stands still":
            self.wfile.flush()
            self.server.over.wait(60)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(place: Place, answer: str | bytes, name: str = "mnist") -> Iterator[str]:
    """Let the real Keras download from a server on this machine."""
    from keras.src.backend import config
    from keras.src.utils import file_utils

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.answer, server.over = answer, threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        original = file_utils.urlretrieve

        def retrieve(origin, target, hook):
            return original(address + Path(origin).name, target, hook)

        at(place, address, name)
        place.patch.setattr(file_utils, "urlretrieve", retrieve)
        home = str(place.folder / "keras")
        place.patch.setattr(config, "keras_home", lambda: home)
        yield address
        server.over.set()
        server.shutdown()


@network("No network at all", "stops at once and names three ways out")
def _(place):
    nowhere(place)
    place.patch.setattr(_download, "probe", lambda url: 1 / 0)  # nobody is asked
    with within(2):
        return refused(DataUnavailableError, WAYS_OUT, load_dataset, "mnist")


@network(
    "No network, and the program names a fallback",
    "takes the fallback and says so on its card",
)
def _(place):
    nowhere(place)
    found = load_dataset("mnist", fallback="digits")
    assert found.name == "digits" and found.notice in " ".join(repr(found).split())
    return found.notice


@network(
    "The server refuses to talk",
    "says which server, and the three ways out",
    not_ours=r"(?<=reached: ).*?(?=\. There are)",
)
def _(place):
    nowhere(place, online=True)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    at(place, f"http://127.0.0.1:{port}/mnist.npz")
    with within(5):
        return unavailable(WAYS_OUT)


@network("The server has no such file any more", "says so, and the three ways out")
def _(place):
    nowhere(place, online=True)
    with serving(place, "missing"):
        return unavailable("404")


def waits(place: Place) -> str:
    """Wait half a second in place of five; return what `load_dataset` says."""
    assert _download._PROBE_SECONDS <= 5
    place.patch.setattr(_download, "probe", partial(_download.probe, seconds=0.5))
    with within(4):
        message = unavailable("timed out|no answer")
    return message.replace("timed out", "no answer within 0.5 seconds")


@network("The server takes the call and never answers", "waits five seconds, not more")
def _(place):
    nowhere(place, online=True)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at(place, f"http://127.0.0.1:{silent.getsockname()[1]}/mnist.npz")
        return waits(place).replace("0.5", "5")


@network("The network hangs while it looks up a name", "waits five seconds, not more")
def _(place):
    nowhere(place, online=True)
    free = threading.Event()
    place.patch.setattr(socket, "getaddrinfo", lambda *a, **k: free.wait(20))
    try:
        return waits(place).replace("0.5", "5")
    finally:
        free.set()


def no_download(place: Place, words: str, *, stays: bool = False) -> str:
    """Return what is said of a download that fails, and is never taken for whole."""
    message = unavailable(words)
    left = [name for name in files_in(place.folder) if not name.endswith(".lock")]
    assert left == (["keras/datasets/mnist.npz"] if stays else [])
    place.patch.setenv("IMGCLS_OFFLINE", "1")
    unavailable("OFFLINE")
    return message


@network(
    "A download stands still half way",
    "gives up after 30 seconds without a byte; the half file is deleted",
    not_ours=r"(?<=failed: ).*?(?=\. There are)",
)
def _(place):
    nowhere(place, online=True)
    assert _download._SOCKET_SECONDS <= 30
    place.patch.setattr(_download, "_SOCKET_SECONDS", 0.5)
    with serving(place, "stands still"), within(20):
        return no_download(place, "failed: .*timed out")


@network(
    "A download is cut short",
    "says so; the half file is deleted",
    not_ours=r"(?<=failed: ).*?(?=\. There are)",
)
def _(place):
    nowhere(place, online=True)
    with serving(place, "cut short"):
        return no_download(place, "failed: .*1000 out of 10000 bytes")


def npz(**change: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{**test_data.arrays(), **change})
    return file.getvalue()


@network(
    "A download was altered on its way",
    "refuses it, because its sha256 is not that of the original",
    not_ours=r"(?<=failed: ).*?(?=\. There are)",
)
def _(place):
    nowhere(place, online=True)
    with serving(place, npz()):
        # What Keras leaves it checks the next time, and so does the package.
        return no_download(place, "failed: .*hash does not match", stays=True)


@network(
    "A hotel's log-in page comes in place of the file",
    "refuses it, because its sha256 is not that of the original",
    not_ours=r"(?<=failed: ).*?(?=\. There are)",
)
def _(place):
    nowhere(place, online=True)
    with serving(place, b"<html>Welcome! Room number?</html>"):
        # What Keras leaves it checks the next time, and so does the package.
        return no_download(place, "failed: .*hash does not match", stays=True)


def fashion_files(folder: Path) -> None:
    """Write a small Fashion-MNIST as Keras keeps it."""
    folder.mkdir()
    raw = test_data.arrays("fashion_mnist")
    for part, name in (("train", "train"), ("test", "t10k")):
        images, labels = raw[f"x_{part}"].tobytes(), raw[f"y_{part}"].tobytes()
        for kind, content in (
            ("images-idx3", bytes(16) + images),
            ("labels-idx1", bytes(8) + labels),
        ):
            path = folder / f"{name}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(content, mtime=0))


@network(
    "Fashion-MNIST, whose files Keras does not check, is not the original",
    "loads it, says so on its card, and keeps no copy that would hide it",
)
def _(place):
    cache = nowhere(place)
    fashion_files(cache / "fashion-mnist")
    with serving(place, "missing", "fashion_mnist"):
        found = load_dataset("fashion_mnist")
        again = load_dataset("fashion_mnist")
    assert found.notice == again.notice
    assert "".join(found.notice.split()) in "".join(repr(found).split())
    assert "keras/datasets/imgcls/fashion_mnist.npz" not in files_in(place.folder)
    return found.notice


@network(
    "A file of Fashion-MNIST in Keras's cache was cut short",
    "names the files to delete",
    not_ours=r"(?<=failed: ).*?(?=\. There are)",
)
def _(place):
    cache = nowhere(place)
    fashion_files(cache / "fashion-mnist")
    path = cache / "fashion-mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with serving(place, "missing", "fashion_mnist"):
        return unavailable(f"damaged, delete it: .*{path.name}", "fashion_mnist")


@network(
    "MNIST in Keras's cache is damaged, without a network",
    "refuses it, because its sha256 is not that of the original",
)
def _(place):
    cache = nowhere(place)
    (cache / "mnist.npz").write_bytes(npz())
    return unavailable(r"mnist\.npz is damaged")


def fake_keras(place: Place) -> test_data.FakeKeras:
    """Let a stand-in for Keras give MNIST, so that a download succeeds."""
    fake = test_data.FakeKeras("keras.datasets.mnist")
    place.patch.setitem(sys.modules, "keras.datasets.mnist", fake)
    place.patch.setattr(_download, "probe", lambda url: None)
    return fake


@network(
    "MNIST in Keras's cache is damaged, with a network",
    "downloads it again",
)
def _(place):
    cache = nowhere(place, online=True)
    (cache / "mnist.npz").write_bytes(b"half")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        found = test_same(place)
    return f"{printed.getvalue()} {found.train}"


def test_same(place: Place) -> Dataset:
    """Return MNIST after comparing it with what the stand-in for Keras gives."""
    fake_keras(place)
    found = load_dataset("mnist", validation=0)
    assert np.array_equal(found.train.images[..., 0], test_data.arrays()["x_train"])
    assert np.array_equal(found.test.labels, test_data.arrays()["y_test"])
    return found


test_same.__test__ = False


@network(
    "Two programs download the same data set at once",
    "one downloads, the other waits and reads what it kept",
)
def _(place):
    nowhere(place, online=True)
    fake = fake_keras(place)
    meet, found = threading.Barrier(2), []
    # Long enough for the other to come in, if nothing held it.
    give, fake.load_data = fake.load_data, lambda: (time.sleep(0.3), give())[1]

    def load():
        meet.wait()
        found.append(load_dataset("mnist"))

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert fake.calls == 1 and len(found) == 2
    assert np.array_equal(found[0].train.images, found[1].train.images)
    return printed.getvalue()


# --- The cache folder and the disk ----------------------------------------------------


@network(
    "The cache folder cannot be made: a file has its name",
    "says so before it downloads, and what to set",
    not_ours=r"(?<=\().*?(?=\): ma)",
)
def _(place):
    cache = nowhere(place, online=True)
    cache.rmdir()
    cache.write_text("a file")
    place.patch.setattr(_download, "probe", lambda url: None)
    message = unavailable("KERAS_HOME")
    assert "out of reach" in load_dataset("mnist", fallback="digits").notice
    return message


@network(
    "The cache folder belongs to somebody else",
    "says so before it downloads, and what to set",
    not_ours=r"(?<=\().*?(?=\): ma)",
)
def _(place):
    cache = nowhere(place, online=True)
    place.patch.setattr(_download, "probe", lambda url: None)
    # As in /tmp/.keras, which Keras takes where the home folder is closed.
    place.patch.setattr(_download, "keras_cache", lambda: cache)
    with without_rights(cache):
        return unavailable("KERAS_HOME")


@network(
    "The disk is full before the download ends",
    "says so and where; nothing of it stays",
    not_ours=r"(?<=\().*?(?=\): ma)",
)
def _(place):
    nowhere(place, online=True)
    with serving(place, npz()), full_disk(room=1000):
        message = unavailable("KERAS_HOME")
    assert files_in(place.folder) == ["keras/datasets/imgcls/mnist.lock"]
    return message


@network(
    "The disk is full when the copy for the next time is written",
    "goes on with the right data; no half copy stays",
)
def _(place):
    nowhere(place, online=True)
    with full_disk(room=1000):
        found = test_same(place)
    assert files_in(place.folder) == ["keras/datasets/imgcls/mnist.lock"]
    return repr(found.train)


# --- Files that are not what they should be -------------------------------------------


def own_file(place: Place) -> Path:
    """Return where a reader's own mnist.npz belongs; it is there, and whole."""
    nowhere(place)
    folder = place.folder / "my-data"
    folder.mkdir()
    place.patch.setenv("IMGCLS_DATA", str(folder))
    place.patch.chdir(folder)
    (folder / "mnist.npz").write_bytes(npz())
    return folder / "mnist.npz"


def spoiled(words, spoil, place):
    """Spoil the reader's own file and return what is said of it."""
    path = own_file(place)
    spoil(path)
    before = files_in(place.folder)
    # A fallback would hide it.
    message = refused(ArgumentError, words, load_dataset, "mnist", fallback="shapes")
    assert str(path) in message and "Replace it" in message
    assert files_in(place.folder) == before  # nothing was unpacked or run
    return message


def zip_slip(path: Path) -> None:
    content = npz()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(f"../../{name}", old.read(name))


for condition, outcome, words, spoil, not_ours in (
    (
        "Your npz file was cut short",
        "names the file and what belongs in it",
        "one that is broken or was cut short",
        test_data.spoil_truncate,
        r"(?<=short \().*(?=\)\.)",
    ),
    (
        "One byte of your npz file is wrong",
        "notices it by the checksum in the file",
        "one that is broken or was cut short",
        test_data.spoil_middle,
        r"(?<=short \().*(?=\)\.)",
    ),
    (
        "Your npz file is empty",
        "names the file and what belongs in it",
        "one that is broken or was cut short",
        test_data.spoil_empty,
        r"(?<=short \().*(?=\)\.)",
    ),
    (
        "Your npz file is a web page",
        "names the file and what belongs in it",
        "must be an npz archive of numbers",
        test_data.spoil_text,
        r"(?<=code \().*(?=\)\.)",
    ),
    (
        "Your npz file is a pickle that would run a program",
        "refuses it; nothing is run",
        "pickled objects, which are not read",
        test_data.spoil_pickle,
        r"(?<=code \().*(?=\)\.)",
    ),
    (
        "The labels in your npz file are pickled objects",
        "refuses it; nothing is run",
        "pickled objects, which are not read",
        test_data.spoil_objects,
        r"(?<=code \().*(?=\)\.)",
    ),
    (
        "The paths in your npz file climb out of its folder",
        "refuses it; nothing is unpacked",
        r"got \.\./\.\./x_test",
        zip_slip,
        "",
    ),
    (
        "An array is missing from your npz file",
        "names what is there and what belongs in it",
        "got other, x_test",
        test_data.saves(y_test=None, other=np.zeros(1)),
        "",
    ),
    (
        "The pixels in your npz file are floats",
        "names the array, and the form that it must have",
        "x_train in .* must be uint8",
        test_data.saves(x_train=np.zeros((40, 28, 28))),
        "",
    ),
    (
        "A label in your npz file is out of range",
        "names the array and the range",
        "y_test in .* must be from 0 to 9",
        test_data.saves(y_test=np.full(20, 10)),
        "",
    ),
):
    run = partial(spoiled, words, spoil)
    network(condition, outcome, not_ours)(run)


@network("IMGCLS_DATA names no folder", "says so, even where a fallback is named")
def _(place):
    nowhere(place)
    place.patch.setenv("IMGCLS_DATA", str(place.folder / "my-dta"))
    return refused(
        ArgumentError, "must be a folder", load_dataset, "mnist", fallback="shapes"
    )


@network(
    "IMGCLS_DATA names a file of another name",
    "says what to set, even where a fallback is named",
)
def _(place):
    path = own_file(place)
    path.rename(path.with_name("my-mnist.npz"))
    place.patch.setenv("IMGCLS_DATA", str(path.with_name("my-mnist.npz")))
    return refused(
        ArgumentError, "must be a folder", load_dataset, "mnist", fallback="shapes"
    )


@network(
    "The package's own copy of a download was cut short",
    "names the file to delete",
    not_ours=r"(?<=short \().*(?=\)\.)",
)
def _(place):
    nowhere(place, online=True)
    with contextlib.redirect_stdout(io.StringIO()):
        test_same(place)
    copy = place.folder / "keras" / "datasets" / "imgcls" / "mnist.npz"
    test_data.spoil_truncate(copy)
    return refused(ArgumentError, "Delete it", load_dataset, "mnist")


def climbing_archive(path: Path) -> None:
    """Write an archive whose members climb out, by path and by link."""
    with tarfile.open(path, "w:gz") as archive:
        for name in ("../../climbed", "cifar-10-batches-py/../../../climbed"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
        link = tarfile.TarInfo("cifar-10-batches-py/link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../.."
        archive.addfile(link)
        member = tarfile.TarInfo("cifar-10-batches-py/link/climbed")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"evil"))


@network(
    "The paths in an archive of CIFAR-10 climb out of its folder",
    "refuses it by its sha256, before it is unpacked",
)
def _(place):
    cache = nowhere(place)
    climbing_archive(cache / "cifar-10-batches-py-target_archive")
    message = unavailable("is damaged", "cifar10")
    assert len(files_in(place.folder)) == 1
    return message


@network(
    "The same, and its sha256 is taken for right",
    "Keras leaves the climbing paths out; nothing appears outside",
    not_ours=r"(?<=failed: ).*?(?=\. There are)",
)
def _(place):
    from keras.src.utils import file_utils

    cache = nowhere(place)
    archive = cache / "cifar-10-batches-py-target_archive"
    climbing_archive(archive)
    right = {archive.name: hashlib.sha256(archive.read_bytes()).hexdigest()}
    with serving(place, "missing", "cifar10"), pytest_warnings():
        at(place, "http://127.0.0.1:1/", "cifar10", cached=right)
        place.patch.setattr(file_utils, "validate_file", lambda *a, **k: True)
        message = unavailable("damaged, delete it", "cifar10")
    outside = [p for p in place.folder.rglob("climbed*") if cache not in p.parents]
    assert outside == [] and not os.path.exists(place.folder.parent / "climbed")
    return message


@contextlib.contextmanager
def pytest_warnings() -> Iterator[None]:
    """Let Keras warn of the paths that it leaves out."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
