"""Compile a function of tensors: record what it computes, fuse it, and run it natively."""

from .function import Compiled as Compiled
from .function import compile as compile
