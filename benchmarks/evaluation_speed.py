"""How long a report on ten million predictions takes, and how much memory.

    python benchmarks/evaluation_speed.py

Ten million labels (int64) and rows of ten probabilities (float32, 381 MiB) are drawn
at random. Measured, once each, in seconds on the wall and of the processor:

- `evaluation.evaluate` and every part of the report by itself;
- the whole report with its tables, and the most memory that it held beside what was
  given to it (by tracemalloc, which sees NumPy's arrays; a run of its own, because
  tracing takes time);
- where scikit-learn computes the same number, scikit-learn beside it, with the
  largest difference between the two. Its areas are measured on one class of ten.

The results go into ``evaluation_speed.json`` beside this file. The goal: the whole
report in under 10 seconds of processor time, with less extra memory than the
probabilities take themselves.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics

from imgcls_helpers import evaluation

OUT = Path(__file__).with_suffix(".json")
N, K = 10_000_000, 10
MIB = 2**20


def draw() -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities of a model that is right in about 70%."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, K, N)
    p = rng.standard_normal((N, K), dtype=np.float32)
    p *= 1.5
    p[np.arange(N), labels] += 3
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    return labels, p


def timed(work) -> tuple[object, dict[str, float]]:
    """Return what a function gives, and its seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, {
        "seconds": round(time.perf_counter() - wall, 2),
        "processor_seconds": round(time.process_time() - processor, 2),
    }


def ours(labels: np.ndarray, p: np.ndarray) -> tuple[evaluation.Report, dict]:
    """Time every part of a report."""
    times = {}
    report, times["evaluate: checks, predictions, confusion matrix"] = timed(
        lambda: evaluation.evaluate(labels, p)
    )
    parts = {
        "accuracy with both intervals": lambda: (
            report.accuracy_interval,
            report.accuracy_bootstrap,
        ),
        "precision, recall, F1, averages": lambda: (
            report.macro,
            report.weighted,
            report.micro,
        ),
        "bootstrap of macro F1": lambda: report.macro_f1_bootstrap,
        "top-5 accuracy": lambda: report.top_k_accuracy,
        "cross-entropy": lambda: report.cross_entropy,
        "calibration": lambda: report.calibration,
        "areas of ten classes": lambda: report.roc_area,
        "most confident errors": lambda: report.most_confident_errors(),
        "tables, from all this": lambda: repr(report),
    }
    for name, work in parts.items():
        _, times[name] = timed(work)
    return report, times


def theirs(labels: np.ndarray, p: np.ndarray, report: evaluation.Report) -> dict:
    """Time scikit-learn on the same numbers, and compare them."""
    predictions = p.argmax(axis=1)
    is_class, score = labels == 3, p[:, 3]
    each = {
        "confusion_matrix": (
            lambda: metrics.confusion_matrix(labels, predictions),
            report.confusion,
        ),
        "precision_recall_fscore_support": (
            lambda: np.array(
                metrics.precision_recall_fscore_support(labels, predictions)[:3]
            ),
            np.array([report.precision, report.recall, report.f1]),
        ),
        "roc_auc_score of one class": (
            lambda: metrics.roc_auc_score(is_class, score),
            report.roc_area[3],
        ),
        "average_precision_score of one class": (
            lambda: metrics.average_precision_score(is_class, score),
            report.average_precision[3],
        ),
        "top_k_accuracy_score": (
            lambda: metrics.top_k_accuracy_score(labels, p, k=5),
            report.top_k_accuracy,
        ),
        "log_loss": (lambda: metrics.log_loss(labels, p), report.cross_entropy),
    }
    found = {}
    for name, (work, own) in each.items():
        result, found[name] = timed(work)
        found[name]["largest_difference"] = float(np.abs(result - own).max())
    return found


def main() -> None:
    """Measure, print and write."""
    labels, p = draw()
    report, times = ours(labels, p)
    whole = {
        key: round(sum(part[key] for part in times.values()), 2)
        for key in ("seconds", "processor_seconds")
    }
    comparison = theirs(labels, p, report)
    del report
    tracemalloc.start()
    repr(evaluation.evaluate(labels, p))
    peak = tracemalloc.get_traced_memory()[1] / MIB
    tracemalloc.stop()
    result = {
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"
        if hasattr(os, "sched_getaffinity")
        else f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "predictions": N,
        "classes": K,
        "given_mib": round((labels.nbytes + p.nbytes) / MIB),
        "probabilities_mib": round(p.nbytes / MIB),
        "whole_report": {**whole, "peak_extra_mib": round(peak)},
        "goal": {"processor_seconds": 10, "peak_extra_mib": round(p.nbytes / MIB)},
        "reached": whole["processor_seconds"] <= 10 and peak <= p.nbytes / MIB,
        "parts": times,
        "scikit_learn": comparison,
    }
    text = json.dumps(result, indent=1)
    print(text)
    OUT.write_text(text + "\n", encoding="utf-8")
    sys.exit(not result["reached"])


if __name__ == "__main__":
    main()
