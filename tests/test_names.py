"""The table of PyTorch's names: it finds what is here, and says why the rest is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import autodiff as ad
import nn
import optim
from benchmarks import torch_names
from tests.oracle import needs_torch

# What programs for PyTorch have called, beyond operations and layers.
USED = {
    ad: """
        device Size dtype float32 float double half long int short bool uint8 bfloat16 finfo iinfo Tensor
        FloatTensor LongTensor DoubleTensor ByteTensor is_tensor is_floating_point numel inference_mode
        no_grad enable_grad set_grad_enabled Generator manual_seed seed initial_seed get_rng_state
        set_rng_state normal bernoulli multinomial empty empty_like zeros ones full eye arange linspace
        logspace rand_like randn_like randint_like from_numpy as_tensor save load set_printoptions
        set_default_dtype get_default_dtype set_num_threads cuda backends autograd nn optim utils amp
        autocast GradScaler channels_last preserve_format use_deterministic_algorithms
        set_float32_matmul_precision equal pi inf nan result_type set_default_device accelerator mps
    """,
    ad.Tensor: """
        device is_cuda cpu cuda to type type_as float double half long int short byte bool data_ptr stride size dim
        numel nelement ndimension element_size is_contiguous contiguous view_as reshape_as t t_ new
        new_zeros new_ones new_full new_tensor new_empty detach detach_ retain_grad retains_grad
        requires_grad_ register_hook grad_fn is_leaf register_post_accumulate_grad_hook zero_ fill_ uniform_
        normal_ bernoulli_ random_ exponential_ clamp_ copy_ masked_fill_ scatter_ squeeze_ unsqueeze_
        transpose_ pin_memory share_memory_ multinomial item tolist numpy backward data get_device
        is_floating_point
    """,
    nn.Module: """
        to type cpu cuda float double half apply train eval parameters named_parameters buffers modules children
        named_modules named_children state_dict load_state_dict zero_grad requires_grad_ register_buffer
        register_parameter register_module add_module get_submodule set_submodule get_parameter get_buffer
        register_forward_hook register_forward_pre_hook register_full_backward_hook
        register_full_backward_pre_hook register_state_dict_post_hook register_state_dict_pre_hook
        register_load_state_dict_pre_hook register_load_state_dict_post_hook extra_repr to_empty
        share_memory get_extra_state set_extra_state
    """,
    optim: "SGD Adam AdamW RMSprop Adagrad Adadelta Adamax NAdam RAdam LBFGS Optimizer lr_scheduler",
    optim.lr_scheduler: """
        StepLR MultiStepLR ExponentialLR CosineAnnealingLR CosineAnnealingWarmRestarts OneCycleLR CyclicLR LambdaLR
        MultiplicativeLR ReduceLROnPlateau LinearLR ConstantLR PolynomialLR SequentialLR ChainedScheduler
        LRScheduler _LRScheduler
    """,
    ad.autograd: """
        Function Variable backward grad gradcheck gradgradcheck functional detect_anomaly set_detect_anomaly no_grad
        enable_grad set_grad_enabled inference_mode graph function
    """,
    ad.utils.data: """
        DataLoader Dataset TensorDataset IterableDataset ConcatDataset ChainDataset StackDataset Subset random_split
        Sampler RandomSampler SequentialSampler BatchSampler WeightedRandomSampler SubsetRandomSampler
        default_collate get_worker_info
    """,
}


@pytest.mark.parametrize("home", USED, ids=lambda home: home.__name__)
def test_names_that_programs_use_are_here(home: object) -> None:
    assert [name for name in USED[home].split() if not hasattr(home, name)] == []


@needs_torch
def test_the_table_tells_what_is_here_from_what_is_not() -> None:
    absent = torch_names.absent()
    assert "device" not in absent["torch"]
    assert "nn" not in absent["torch"]  # which is imported when it is asked for
    assert "fx" in absent["torch"]
    assert torch_names.group_of("fx") == "compilers and tracing"
    assert torch_names.group_of("FractionalMaxPool3d") == "pooling of windows drawn at random"
    assert "Linear" not in absent["torch.nn"]


@needs_torch
def test_the_page_that_the_documentation_carries_was_printed_by_this_table() -> None:
    page = Path(__file__).parents[1].joinpath("docs", "pytorch.md").read_text(encoding="utf-8")
    assert page.splitlines()[:20] == torch_names.table().splitlines()[:20]
    assert "**Compilers and tracing**" in page


def test_type_checkers_find_every_module_under_pytorchs_path() -> None:
    root = Path(ad.__file__).parent
    kinds = (root / "nn" / "functional.pyi").read_text(encoding="utf-8").splitlines()
    files = sorted((root.parent / "nn" / "functional").glob("[a-z]*.py"))
    assert kinds == [f"from nn.functional.{file.stem} import *" for file in files]
    for package in ("nn/utils", "optim"):
        homes = {file.stem for file in (root.parent / package).glob("[a-z]*.py")}
        stubs = {file.stem for file in (root / package).glob("[a-z]*.pyi")}
        assert stubs <= homes
    assert {"parametrizations", "parametrize", "prune", "rnn", "stateless"} <= {
        file.stem for file in (root / "nn" / "utils").glob("*.pyi")
    }
