"""What every test starts from: no data folder, no network, a CPU's smoke budget."""

import os

# Before Keras is imported anywhere.
os.environ.pop("IMGCLS_DATA", None)
os.environ["IMGCLS_OFFLINE"] = "1"
os.environ["IMGCLS_BUDGET"] = "smoke"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The tests run side by side; NumPy's threads would wait on each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
