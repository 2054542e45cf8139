"""PyTorch's switches of the libraries that compute for it: they can be set, and change nothing here."""

from __future__ import annotations

from . import cuda as cuda
from . import cudnn as cudnn
from . import mkl as mkl
from . import mkldnn as mkldnn
from . import mps as mps
from . import openmp as openmp
