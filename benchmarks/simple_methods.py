"""What the simplest methods give on whole data sets, with today's library.

    IMGCLS_DATA=FOLDER python benchmarks/simple_methods.py

Old tables have figures for linear classifiers and nearest neighbours that anybody beats
today in a few lines. So Results gives both. Each method sees the raw pixels of all
training images: one nearest neighbour by Euclidean distance, and softmax regression
(scikit-learn's `LogisticRegression`) with the strength of regularization that chapter 1
takes for its thumbnails. Nothing is tuned, and neither method has chance in it: one run
on the test images. Written to ``simple_methods.json`` beside it; it takes some ten
minutes of two CPU cores. Sets that are not run again, by ``--sets mnist`` for example,
keep their results.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from imgcls_helpers import data, runtime

RESULTS = Path(__file__).with_suffix(".json")
STRENGTH = 0.1  # scikit-learn's C


def rows(part: data.Part) -> np.ndarray:
    """Return the images as rows of numbers from 0 to 1."""
    return part.images.reshape(len(part), -1).astype("float32") / 255


def nearest(x: np.ndarray, labels: np.ndarray) -> tuple[KNeighborsClassifier, int]:
    """Return the method and how many parameters it has learned."""
    return KNeighborsClassifier(1, algorithm="brute").fit(x, labels), 0


def softmax(x: np.ndarray, labels: np.ndarray) -> tuple[LogisticRegression, int]:
    """Return the method and how many parameters it has learned."""
    model = LogisticRegression(C=STRENGTH, max_iter=200).fit(x, labels)
    return model, model.coef_.size + model.intercept_.size


SETS = ("mnist", "cifar10", "digits")
METHODS = {"one nearest neighbour": nearest, "softmax regression": softmax}


def main() -> None:
    """Run each method once on each data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    names = parser.parse_args().sets
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"sets": {}}
    known = {
        "data": "",
        "date": time.strftime("%Y-%m-%d"),
        "machine": runtime.device(),
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "sets": kept["sets"],
    }
    for name in names:
        dataset = data.load_dataset(name, validation=0)
        found = known["sets"][name] = {
            "data": f"{name}: {dataset.source}. {dataset.notice}".strip(),
            "methods": {},
        }
        known["data"] = " ".join(group["data"] for group in known["sets"].values())
        for method, make in METHODS.items():
            cpu = time.process_time()
            model, parameters = make(rows(dataset.train), dataset.train.labels)
            accuracy = model.score(rows(dataset.test), dataset.test.labels)
            found["methods"][method] = {
                "accuracy": round(float(accuracy), 5),
                "cpu_seconds": round(time.process_time() - cpu, 2),
                "images": len(dataset.train),
                "parameters": int(parameters),
            }
            print(name, method, found["methods"][method], flush=True)
            # After each, so that a run that is stopped has not been in vain.
            RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
