"""PyTorch's import paths: the same modules, in any order of imports, and beside a module of the user's own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import autodiff
import nn
import optim

HERE = Path(autodiff.__file__).parent.parent

IMPORTS = [
    "import autodiff as torch",
    "import autodiff.nn as nn",
    "import autodiff.nn.functional as F",
    "import autodiff.optim as optim",
    "from autodiff import nn, optim, Tensor",
    "from autodiff.optim import lr_scheduler",
    "from autodiff.optim.lr_scheduler import StepLR, _LRScheduler",
    "from autodiff.optim.optimizer import Optimizer",
    "from autodiff.nn import Parameter, init, functional as F",
    "from autodiff.nn.parameter import Parameter",
    "from autodiff.nn.modules.module import Module",
    "from autodiff.nn.modules.loss import _Loss",
    "from autodiff.nn.utils import clip_grad_norm_",
    "from autodiff.nn.utils.rnn import pad_sequence",
    "import autodiff.nn.parallel",
    "import autodiff.utils.data",
    "from autodiff.utils import data",
    "from autodiff.utils.data import DataLoader, Dataset, TensorDataset, random_split",
    "from autodiff.utils.data.sampler import SubsetRandomSampler",
    "from autodiff.utils.data.dataset import Dataset",
    "from autodiff.utils.data.dataloader import default_collate",
    "from autodiff.autograd import Variable, Function",
    "from autodiff.autograd.functional import jacobian",
    "from autodiff.distributions import Normal",
    "from autodiff.distributions.normal import Normal",
    "from autodiff.distributions.mixture_same_family import MixtureSameFamily",
    "from autodiff.distributions.relaxed_categorical import RelaxedOneHotCategorical",
    "from autodiff.nn.attention import SDPBackend, sdpa_kernel",
    "import autodiff as torch; torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.rnn.RNNBase",
    "import autodiff.backends.cudnn as cudnn",
    "from autodiff.cuda.amp import GradScaler, autocast",
    "from autodiff.amp import GradScaler, autocast",
]


#: Tries each line in a child that has imported NumPy alone: a process each would take 0.3 s.
FIRST = """
import os, sys, traceback
import numpy, numpy.random

def passes(line):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        exec(line, {})
        import nn as one, autodiff.nn as two, optim as three, autodiff.optim as four
        assert one is two and three is four and one.__name__ == one.__spec__.name == "nn"
        again = [m for m in sys.modules if m.startswith("autodiff.nn.") and "auto" in sys.modules[m].__name__]
        assert again == [], again
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)
"""


def run(code: str, cwd: Path | None = None) -> str:
    """Run a script with the packages on the path behind its own folder, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[1:1] = [{str(HERE)!r}]\n{code}"],
        capture_output=True, text=True, cwd=cwd, check=False, env={"PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_each_path_can_be_imported_first() -> None:
    assert run(f"{FIRST}\nprint(*[line for line in {IMPORTS} if not passes(line)], sep='; ')") == ""


def test_the_modules_are_the_same_ones() -> None:
    import autodiff.nn.modules

    import autodiff.data
    import autodiff.nn.functional
    import autodiff.optim.lr_scheduler
    import autodiff.utils.data

    assert autodiff.nn is nn
    assert autodiff.nn.functional is nn.functional
    assert autodiff.nn.modules is nn
    assert autodiff.optim is optim
    assert autodiff.optim.lr_scheduler is optim.lr_scheduler
    assert autodiff.utils.data is autodiff.data
    assert pickle.loads(pickle.dumps(autodiff.nn.Linear)) is nn.Linear


@pytest.mark.parametrize("first", ["import nn", "import autodiff.nn", "import autodiff; autodiff.nn"])
def test_a_module_of_the_users_own_stays_theirs(first: str, tmp_path: Path) -> None:
    (tmp_path / "nn.py").write_text("mine = True\n")
    code = (
        f"{first}\n"
        "import nn, autodiff, pickle\n"
        "import autodiff.nn as theirs, autodiff.nn.functional as F, autodiff.optim as optim\n"
        "from autodiff.nn.modules.module import Module\n"
        "assert nn.mine and theirs is not nn and theirs.Module is Module\n"
        "net = theirs.Linear(2, 1)\n"
        "optimizer = optim.SGD(net.parameters(), lr=0.1)\n"
        "F.mse_loss(net(autodiff.ones(3, 2)), autodiff.zeros(3, 1)).backward()\n"
        "optimizer.step()\n"
        "again = pickle.loads(pickle.dumps(net))\n"
        "print(type(again) is theirs.Linear, type(net).__module__)"
    )
    assert run(code, tmp_path) == "True autodiff.nn.linear"


def test_the_engine_alone_brings_no_layers() -> None:
    code = "import autodiff, sys; print([m for m in sys.modules if m.split('.')[0] in ('nn', 'optim')])"
    assert run(code) == "[]"


def test_a_path_that_is_none_is_no_module() -> None:
    with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
        __import__("autodiff.nn.nothing_of_that_name")
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        autodiff.nothing  # noqa: B018  # that is the test
