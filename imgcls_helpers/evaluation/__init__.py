"""How good a model is, and how sure one can be of it.

`predict` turns images into probabilities; `evaluate` turns labels and probabilities
into a report. Labels are class numbers of shape (N,), probabilities have shape (N, K),
one row an image. Nothing here copies a large array of probabilities, and what cannot
be right (labels out of range, rows that do not sum to 1, NaN) is refused by name.
"""

# Imported for its effect: it picks the Keras backend before Keras is imported.
from imgcls_helpers import backend  # noqa: F401
from imgcls_helpers.evaluation._calibration import (
    Calibration,
    Temperature,
    calibration,
    temperature_scaling,
)
from imgcls_helpers.evaluation._comparison import (
    Comparison,
    Comparisons,
    compare,
    compare_all,
)
from imgcls_helpers.evaluation._folds import CrossValidation, cross_validate
from imgcls_helpers.evaluation._intervals import (
    McNemar,
    bootstrap_interval,
    mcnemar,
    wilson_interval,
)
from imgcls_helpers.evaluation._report import (
    Average,
    Confused,
    Curve,
    Report,
    evaluate,
)
from imgcls_helpers.evaluation._scores import (
    accuracy,
    brier_score,
    cross_entropy,
    predict,
    top_k_accuracy,
)

__all__ = [
    "Average",
    "Calibration",
    "Comparison",
    "Comparisons",
    "Confused",
    "CrossValidation",
    "Curve",
    "McNemar",
    "Report",
    "Temperature",
    "accuracy",
    "bootstrap_interval",
    "brier_score",
    "calibration",
    "compare",
    "compare_all",
    "cross_entropy",
    "cross_validate",
    "evaluate",
    "mcnemar",
    "predict",
    "temperature_scaling",
    "top_k_accuracy",
    "wilson_interval",
]
