"""The speed suite: ``python -m benchmarks``."""

import os

#: Of every framework, and of this process: the libraries under NumPy read it once, when NumPy is first imported.
THREADS = 2

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(THREADS))
