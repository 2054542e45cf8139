"""Networks as ONNX files: `export` writes what a model computes, `load` runs such a file here."""

from __future__ import annotations

try:
    import onnx
except ImportError as error:
    raise ImportError(f"autodiff.onnx needs onnx, 1.16 or newer ({error}): `pip install 'onnx>=1.16'`") from error

from .exporting import export as export
from .loading import Network as Network
from .loading import load as load
