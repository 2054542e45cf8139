"""The speed suite: ``python -m benchmarks``."""

import os
import sys

#: Of every framework, and of this process: two, or what BENCHMARK_THREADS says. One is fairer where others compute on
#: the same processors: two threads that wait for each other lose a time slice whenever one of them does.
THREADS = int(os.environ.get("BENCHMARK_THREADS", "2"))

if "numpy" not in sys.modules:  # the libraries under NumPy read this once, when it is first imported
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(THREADS))
