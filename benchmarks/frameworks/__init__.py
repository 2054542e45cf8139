"""What is timed: each framework's way of doing each task, imported in the process that times it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..problems import Problem
from . import with_arrays, with_jax, with_modules, with_networks, with_numpy, with_scalars

Step = Callable[[], Any]


@dataclass(frozen=True)
class Framework:
    """A framework and what it takes part in.

    Attributes
    ----------
    package : str
        What must be installed for it.
    tasks : dict of str to callable
        By the name of a `Problem.task`, what makes the step that is timed: a function without arguments that returns
        a number or an array, which must be the same for all frameworks.
    programs : tuple of str
        The names of programs, one of which must be there as well; none, if it needs none.
    is_patient : bool
        Whether it takes its time, half a minute for each problem, before the first step; a quick run leaves it out.
    """

    package: str
    tasks: dict[str, Callable[[Problem], Step]]
    programs: tuple[str, ...] = ()
    is_patient: bool = False

    def is_installed(self) -> bool:
        """Tell whether the package can be imported, without importing it, and what else it needs is there."""
        has_program = not self.programs or any(map(shutil.which, self.programs))
        return has_program and importlib.util.find_spec(self.package) is not None


NETWORKS = ("convolution", "lstm", "gpt")

#: By the names that the tables show. Ratios are to the first.
FRAMEWORKS = {
    "autodiff": Framework(
        "autodiff",
        {
            "training": with_modules.autodiff_training,
            "evaluation": with_modules.autodiff_evaluation,
            "scalars": with_scalars.autodiff,
            **dict.fromkeys(NETWORKS, with_networks.autodiff),
        },
    ),
    "autodiff, compiled": Framework(
        "llvmlite",
        {
            "training": with_modules.autodiff_compiled,
            "evaluation": with_modules.autodiff_evaluation_compiled,
            "scalars": with_scalars.autodiff_compiled,
            **dict.fromkeys(NETWORKS, with_networks.autodiff_compiled),
        },
    ),
    "NumPy by hand": Framework("numpy", {"training": with_numpy.training, "evaluation": with_numpy.evaluation}),
    "PyTorch": Framework(
        "torch",
        {
            "training": with_modules.torch_training,
            "evaluation": with_modules.torch_evaluation,
            "scalars": with_scalars.torch,
            **dict.fromkeys(NETWORKS, with_networks.torch),
        },
    ),
    "PyTorch, fused Adam": Framework(
        "torch",
        {"training": with_modules.torch_training_fused, **dict.fromkeys(NETWORKS, with_networks.torch_fused)},
    ),
    "PyTorch, compiled": Framework(
        "torch",
        {
            "training": with_modules.torch_training_compiled,
            "evaluation": with_modules.torch_evaluation_compiled,
            **dict.fromkeys(NETWORKS, with_networks.torch_compiled),
        },
        programs=("c++", "g++", "clang++"),
        is_patient=True,
    ),
    "JAX, jit": Framework("jax", {"training": with_jax.training, "evaluation": with_jax.evaluation}),
    "HIPS autograd": Framework("autograd", {"training": with_arrays.autograd}),
    "MyGrad": Framework("mygrad", {"training": with_arrays.mygrad}),
    "micrograd": Framework("micrograd", {"scalars": with_scalars.micrograd}),
    "matrix products": Framework("numpy", {"training": with_numpy.matrix_products}),
}
