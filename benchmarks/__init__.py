"""The speed suite: ``python -m benchmarks``."""

import os
import sys

#: Of every framework, and of this process.
THREADS = 2

if "numpy" not in sys.modules:  # the libraries under NumPy read this once, when it is first imported
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(THREADS))
