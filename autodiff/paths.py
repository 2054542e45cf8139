"""PyTorch's import paths: `autodiff.nn` and `autodiff.optim` are the packages `nn` and `optim`, the same modules."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["install"]

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGES = ("nn", "optim")  # which stand beside this package

# What PyTorch calls the modules of `nn` that are called otherwise here, below `autodiff`.
_RENAMED = {
    "nn.modules": "nn",
    "optim.adamw": "optim.adam",
    "utils.data.distributed": "distributed",
    "utils.data._utils": "data",
    "nn.parameter": "nn.module",
    "nn.batchnorm": "nn.normalization",
    "nn.conv": "nn.convolution",
    "nn.rnn": "nn.recurrent",
    "nn.sparse": "nn.embedding",
    "nn.flatten": "nn.shaping",
    "nn.dropout": "nn.dropping",
    "nn.fold": "nn.folding",
    "nn.instancenorm": "nn.instance",
    "nn.upsampling": "nn.resizing",
    "nn.utils.clip_grad": "nn.utils",
    "nn.utils.convert_parameters": "nn.utils",
    "cuda.amp": "amp",
    "distributions.beta": "distributions.positive",
    "distributions.gamma": "distributions.positive",
    "distributions.exponential": "distributions.positive",
    "distributions.laplace": "distributions.positive",
    **{
        f"distributions.{theirs}": f"distributions.{ours}"
        for ours, several in {
            "counts": "binomial geometric multinomial negative_binomial poisson",
            "one_hot": "one_hot_categorical relaxed_bernoulli relaxed_categorical",
            "positive": "chi2",
            "tails": "cauchy gumbel half_normal studentT",
            "mixture": "mixture_same_family",
        }.items()
        for theirs in several.split()
    },
    "distributions.independent": "distributions.composed",
    "distributions.transformed_distribution": "distributions.composed",
    "distributions.log_normal": "distributions.composed",
    "utils.data": "data",
    "autograd.functional": "check.functional",
    "autograd.gradcheck": "check.gradcheck",
}


def _ours(name: str) -> str:
    """Return the file of one of our packages."""
    return os.path.join(os.path.dirname(_HERE), name, "__init__.py")


def _is_ours(name: str) -> bool:
    """Tell whether ``import nn`` finds our package, and not a module of the user's with that name."""
    known = sys.modules.get(name)
    if known is not None:
        origin = getattr(known, "__file__", None)
    else:
        spec = importlib.util.find_spec(name)
        origin = None if spec is None else spec.origin
    return bool(origin) and os.path.exists(str(origin)) and os.path.samefile(str(origin), _ours(name))


def _real(path: str) -> str:
    """Return the name of a module here from its path in PyTorch, without the package."""
    parts = path.split(".")
    for i in range(len(parts), 0, -1):
        if (found := _RENAMED.get(".".join(parts[:i]))) is not None:
            return _real(".".join([found, *parts[i:]]))
    return path


class _Same(Loader):
    """Gives a module under another name, as it is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module, imported under its own name."""
        module = importlib.import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give back the specification, which the import system has replaced by that of the other name."""
        module.__spec__ = self.spec


class _Finder(MetaPathFinder):
    """Finds PyTorch's paths below `autodiff`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what to import for a path of PyTorch's; None for any other."""
        if not fullname.startswith("autodiff."):
            return None
        name = _real(asked := fullname.removeprefix("autodiff."))
        package, _, below = name.partition(".")
        if package not in _PACKAGES:
            return None if name == asked else ModuleSpec(fullname, _Same(f"autodiff.{name}"))
        if not _is_ours(package):  # a module of the user's has the name: ours goes by the longer one
            if name != asked:
                return ModuleSpec(fullname, _Same(f"autodiff.{name}"))
            folder = os.path.dirname(_ours(package))
            where: dict[str, Any] = {"submodule_search_locations": [folder]}
            return None if below else importlib.util.spec_from_file_location(fullname, _ours(package), **where)
        return ModuleSpec(fullname, _Same(name))


def install() -> None:
    """Let the import system know PyTorch's paths."""
    if not any(type(finder).__name__ == _Finder.__name__ and type(finder).__module__ == __name__
               for finder in sys.meta_path):  # fmt: skip
        sys.meta_path.insert(0, _Finder())
