"""What the chapters run on here: versions, budget, backend, device, data."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from imgcls_helpers import data
from imgcls_helpers._arguments import switch
from tools.fingerprints import sha256, versions
from tools.places import ROOT

OUT_OF_REACH = "out of reach"
_CODE = re.compile(r"^```\{code-cell\}.*?^```", re.MULTILINE | re.DOTALL)
_LOADS = re.compile(r"load_dataset\(\s*[\"'](\w+)[\"']")
_ASK = """
import json
from imgcls_helpers import backend, runtime
print(json.dumps({
    "budget": runtime.budget(),
    "backend": backend.name(),
    "backend_version": backend.version(),
    "device": runtime.device(),
}))
"""


@functools.cache
def surroundings() -> dict[str, Any]:
    """Return what the outputs of every chapter depend on, other than its data.

    Another process is asked, because the answer may need the import of a backend,
    which then holds a GPU's memory.
    """
    asked = subprocess.run(
        [sys.executable, "-c", _ASK], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if asked.returncode != 0:
        sys.exit("The lines above say why no chapter can be run here.")
    said = json.loads(asked.stdout.splitlines()[-1])
    return said | {"python": sys.version, "versions": versions()}


def datasets_of(page: Path) -> set[str]:
    """Return the names of the data sets that the code of a page loads."""
    code = "\n".join(_CODE.findall(page.read_text(encoding="utf-8")))
    return set(_LOADS.findall(code)) & set(data.DOWNLOADS)


@functools.cache
def fetch(name: str) -> bool:
    """Say whether a data set is at hand, after trying once to download it.

    This happens before the chapters start, so that two of them never download the
    same file, and so that it is known what they will find.
    """
    if data.dataset_file(name) is not None:
        return True
    if switch("IMGCLS_OFFLINE"):
        return False
    print(f"  fetching the data set {name} ...", flush=True)
    try:
        data.load_dataset(name)
    except data.DataUnavailableError as error:
        reason = str(error).partition(" There are three ways")[0]
        print(f"  {name} is out of reach; chapters show their fallback. {reason}")
    return data.dataset_file(name) is not None


def files_of(name: str) -> list[Path]:
    """Return the file of a data set, and what is noted beside it; none out of reach."""
    if not fetch(name):
        return []
    path = data.dataset_file(name)
    return [file for file in (path, path.with_suffix(".txt")) if file.is_file()]


@functools.cache
def file_state(name: str) -> str:
    """Return the SHA-256 of a data set's files, or that it is out of reach."""
    return " ".join(map(sha256, files_of(name))) or OUT_OF_REACH


def data_of(*pages: Path) -> dict[str, str]:
    """Return, for each data set that pages load, its SHA-256 or `OUT_OF_REACH`."""
    names = {name for page in pages for name in datasets_of(page)}
    return {name: file_state(name) for name in sorted(names)}
