"""What programs ask of devices, dtypes and settings, beside PyTorch's answers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.compile.pool import threads
from tests.oracle import needs_torch, torch

LAYERS: dict[str, Callable[..., Any]] = {
    "Linear": lambda **k: nn.Linear(2, 3, **k),
    "Bilinear": lambda **k: nn.Bilinear(2, 3, 4, **k),
    "Conv1d": lambda **k: nn.Conv1d(1, 2, 3, **k),
    "Conv2d": lambda **k: nn.Conv2d(1, 2, 3, **k),
    "ConvTranspose2d": lambda **k: nn.ConvTranspose2d(1, 2, 3, **k),
    "Embedding": lambda **k: nn.Embedding(4, 3, **k),
    "EmbeddingBag": lambda **k: nn.EmbeddingBag(4, 3, **k),
    "BatchNorm1d": lambda **k: nn.BatchNorm1d(3, **k),
    "LayerNorm": lambda **k: nn.LayerNorm(3, **k),
    "GroupNorm": lambda **k: nn.GroupNorm(1, 3, **k),
    "RMSNorm": lambda **k: nn.RMSNorm(3, **k),
    "InstanceNorm2d": lambda **k: nn.InstanceNorm2d(3, affine=True, **k),
    "PReLU": lambda **k: nn.PReLU(**k),
    "RNN": lambda **k: nn.RNN(2, 3, **k),
    "LSTM": lambda **k: nn.LSTM(2, 3, **k),
    "GRU": lambda **k: nn.GRU(2, 3, **k),
    "LSTMCell": lambda **k: nn.LSTMCell(2, 3, **k),
    "MultiheadAttention": lambda **k: nn.MultiheadAttention(4, 2, **k),
    "TransformerEncoderLayer": lambda **k: nn.TransformerEncoderLayer(4, 2, 5, **k),
    "Transformer": lambda **k: nn.Transformer(4, 2, 1, 1, 5, **k),
}
MADE: dict[str, Callable[..., Any]] = {
    "tensor": lambda **k: ad.tensor([1.0], **k),
    "as_tensor": lambda **k: ad.as_tensor([1.0], **k),
    "zeros": lambda **k: ad.zeros(2, **k),
    "empty": lambda **k: ad.empty(2, **k),
    "full": lambda **k: ad.full((2,), 1.0, **k),
    "arange": lambda **k: ad.arange(3, **k),
    "eye": lambda **k: ad.eye(3, **k),
    "linspace": lambda **k: ad.linspace(0, 1, 3, **k),
    "logspace": lambda **k: ad.logspace(0, 1, 3, **k),
    "rand": lambda **k: ad.rand(2, **k),
    "randn": lambda **k: ad.randn(2, **k),
    "randint": lambda **k: ad.randint(3, (2,), **k),
    "randperm": lambda **k: ad.randperm(3, **k),
    "normal": lambda **k: ad.normal(0, 1, (2,), **k),
    "zeros_like": lambda **k: ad.zeros_like(ad.ones(2), **k),
    "randn_like": lambda **k: ad.randn_like(ad.ones(2), **k),
    "randint_like": lambda **k: ad.randint_like(ad.ones(2), 3, **k),
    "new_zeros": lambda **k: ad.ones(2).new_zeros(3, **k),
    "new_tensor": lambda **k: ad.ones(2).new_tensor([3], **k),
    "new_full": lambda **k: ad.ones(2).new_full((2,), 3, **k),
    "to": lambda **k: ad.ones(2).to(**k),
    "Tensor": lambda **k: ad.Tensor([1, 2], **k),
    "Module.to": lambda **k: nn.Linear(2, 1).to(**k),
    "Generator": lambda **k: ad.Generator(**k),
    **LAYERS,
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_the_cpu_is_taken_and_a_gpu_refused_in_one_sentence(make: Callable[..., Any]) -> None:
    for device in ("cpu", "cpu:0", ad.device("cpu"), None):
        make(device=device)
    for device in ("cuda", "cuda:1", ad.device("cuda", 0), ad.device("mps"), 0):
        with pytest.raises(RuntimeError, match=r"there is no device '(cuda|mps).*'; everything runs on the CPU"):
            make(device=device)


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_every_layer_takes_a_dtype(make: Callable[..., Any]) -> None:
    assert {p.dtype for p in make(device="cpu", dtype=ad.float64).parameters()} == {ad.float64}


def test_devices_have_pytorchs_names() -> None:
    device = ad.device("cuda:1")
    assert (device.type, device.index, str(device), repr(device)) == (
        "cuda", 1, "cuda:1", "device(type='cuda', index=1)"
    )  # fmt: skip
    assert ad.zeros(1).device == ad.device("cpu") != device
    assert len({ad.device("cpu"), ad.device("cpu")}) == 1
    assert pickle.loads(pickle.dumps(device)) == copy.deepcopy(device) == device
    with pytest.raises(RuntimeError, match="'gpu9' is no device"):
        ad.device("gpu9")
    with ad.device("cpu"):
        assert ad.ones(1).device.type == "cpu"


def test_there_is_no_gpu_and_programs_find_out() -> None:
    t = ad.ones(2)
    assert not any(x.is_available() for x in (ad.cuda, ad.backends.mps, ad.accelerator))
    assert (ad.cuda.device_count(), t.is_cuda, t.get_device(), t.is_cpu) == (0, False, -1, True)
    assert t.cpu() is t.pin_memory() is t.to("cpu", non_blocking=True) is t
    assert t.to(ad.device("cpu"), ad.float64).dtype == np.float64
    assert t.to("cpu", copy=True) is not t
    ad.cuda.manual_seed_all(3)
    ad.cuda.empty_cache()
    ad.backends.cudnn.deterministic = True
    ad.backends.cudnn.benchmark = False
    for refused in (t.cuda, nn.Linear(1, 1).cuda, ad.cuda.current_device, lambda: ad.set_default_device("cuda")):
        with pytest.raises(RuntimeError, match="there is no device 'cuda'"):
            refused()
    with pytest.warns(UserWarning, match="no device 'cuda'"):
        scaler = ad.amp.GradScaler()
    assert not scaler.is_enabled()
    with pytest.raises(RuntimeError, match="enabled=False"):
        ad.autocast("cpu")


# -- dtypes ------------------------------------------------------------------------------------------------------------

NAMES = {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
    "bool": "bool", "uint8": "uint8", "int8": "int8", "float32": "float32", "float64": "float64",
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), NAMES.items())
def test_names_of_dtypes(name: str, dtype: str) -> None:
    t = ad.zeros(2, dtype=getattr(ad, name))
    assert t.dtype == getattr(ad, name) == np.dtype(dtype)
    assert t.dtype is getattr(ad, name)
    assert {getattr(ad, name): 1}[t.dtype] == 1
    assert isinstance(t.dtype, ad.dtype)


@needs_torch
@pytest.mark.parametrize("method", ["float", "double", "half", "long", "int", "short", "char", "byte", "bool"])
def test_conversions_by_name(method: str) -> None:
    ours, theirs = (getattr(lib.tensor([0.0, 1.7, 100.0]), method)() for lib in (ad, torch))
    assert (ours.type(), ours.tolist()) == (theirs.type(), theirs.tolist())
    assert ours.is_floating_point() == theirs.is_floating_point()
    assert (ours.element_size(), ours.nbytes, ours.is_signed()) == (
        theirs.element_size(), theirs.nbytes, theirs.is_signed()
    )  # fmt: skip
    kind = ours.type().removeprefix("torch.")
    assert isinstance(ours, getattr(ad, kind))
    for target in (getattr(ad, kind), ours.type(), ours.dtype):
        assert ad.tensor([0.0, 1.7, 100.0]).type(target).dtype == ours.dtype
    assert getattr(ad, kind)([1, 0]).tolist() == getattr(torch, kind)([1, 0]).tolist()
    assert getattr(ad, kind)(2, 3).shape == (2, 3)
    assert ad.ones(1).type_as(ours).dtype == ours.dtype


@needs_torch
@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_limits_of_floats(name: str) -> None:
    ours, theirs = ad.finfo(getattr(ad, name)), torch.finfo(getattr(torch, name))
    for what in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "dtype"):
        assert getattr(ours, what) == getattr(theirs, what)
    assert ad.iinfo(ad.int8).min == torch.iinfo(torch.int8).min
    with pytest.raises(TypeError, match="for integers there is iinfo"):
        ad.finfo(ad.int64)


def test_a_dtype_that_there_is_not_can_be_named_but_not_used() -> None:
    chosen = {"float32": ad.float32, "bfloat16": ad.bfloat16}["float32"]
    assert ad.ones(1, dtype=chosen).dtype == np.float32
    with pytest.raises(TypeError, match="zeros: there is no bfloat16 here"):
        ad.zeros(1, dtype=ad.bfloat16)  # type: ignore[arg-type]  # that is the test


# -- shapes and memory -------------------------------------------------------------------------------------------------


@needs_torch
def test_shapes_answer_as_pytorchs() -> None:
    ours, theirs = ad.zeros(2, 3, 4), torch.zeros(2, 3, 4)
    for x in (ours, theirs):
        assert (x.size(), x.size(-1), x.shape.numel(), x.shape[1:].numel()) == ((2, 3, 4), 4, 24, 12)
        assert (x.nelement(), x.ndimension(), x.stride(), x.stride(0)) == (24, 3, (12, 4, 1), 12)
        assert x.view_as(x.reshape(6, 4)).shape == (2, 3, 4) or x.reshape(6, 4).view_as(x).shape == (2, 3, 4)
        assert x[1].storage_offset() == 12
        assert x[0].data_ptr() == x.data_ptr() != x.clone().data_ptr()
    assert ours.permute(2, 0, 1).stride() == theirs.permute(2, 0, 1).stride()
    assert ours[:, ::2, 1].stride() == theirs[:, ::2, 1].stride()
    assert isinstance(ours.shape + ours.shape, ad.Size)
    assert pickle.loads(pickle.dumps(ours.shape)) == ad.Size([2, 3, 4])


@needs_torch
@pytest.mark.parametrize(
    "change", [lambda t: t.unsqueeze_(1), lambda t: t.transpose_(0, 1), lambda t: t.t_(), lambda t: t[:1].squeeze_(0)]
)
@pytest.mark.parametrize("traced", [False, True])
def test_views_in_place(change: Callable[[Any], Any], traced: bool) -> None:
    found = []
    for lib in (ad, torch):
        x = lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=traced)
        y = x * 2
        z = change(y)
        w = (z * z).sum()
        if traced:
            w.backward()
        found.append([tuple(y.shape), z.tolist(), y.tolist(), x.grad.tolist() if traced else None])
    assert found[0] == found[1]


# -- random numbers ----------------------------------------------------------------------------------------------------


def test_a_generator_of_ones_own() -> None:
    g, h = ad.Generator().manual_seed(7), ad.Generator()
    assert h.manual_seed(7) is h
    assert g.initial_seed() == 7
    draws: list[Callable[[Any], Any]] = [
        lambda g: ad.rand(3, generator=g),
        lambda g: ad.randperm(5, generator=g),
        lambda g: ad.randint(0, 9, (4,), generator=g),
        lambda g: ad.normal(0.0, 1.0, (3,), generator=g),
        lambda g: ad.multinomial(ad.ones(9), 4, generator=g),
        lambda g: ad.bernoulli(ad.full((9,), 0.5), generator=g),
        lambda g: ad.empty(3).uniform_(generator=g),
        lambda g: ad.empty(3).exponential_(generator=g),
    ]
    for draw in draws:
        assert draw(g).tolist() == draw(h).tolist()
    state = g.get_state()
    first = ad.rand(3, generator=g).tolist()
    assert ad.rand(3, generator=g.set_state(state)).tolist() == first
    for other in (copy.deepcopy(g), pickle.loads(pickle.dumps(g)), g.clone_state()):
        assert other.initial_seed() == 7
        assert ad.rand(2, generator=other).tolist() == ad.rand(2, generator=g.clone_state()).tolist()
    assert ad.manual_seed(5).initial_seed() == ad.initial_seed() == 5


def test_draws_follow_their_distributions() -> None:
    ad.manual_seed(0)
    n = 20_000
    counts = np.bincount(ad.multinomial(ad.tensor([1.0, 0.0, 3.0]), n, replacement=True).numpy(), minlength=3) / n
    np.testing.assert_allclose(counts, [0.25, 0, 0.75], atol=4 * 0.0031)  # four standard deviations
    firsts = ad.multinomial(ad.tensor([[1.0, 2.0, 5.0]]).expand(n, 3), 2)
    assert bool((firsts[:, 0] != firsts[:, 1]).all())
    np.testing.assert_allclose(np.bincount(firsts[:, 0].numpy()) / n, [1 / 8, 2 / 8, 5 / 8], atol=4 * 0.0035)
    drawn = ad.normal(ad.tensor([3.0]).expand(n), 2.0)
    assert drawn.mean().item() == pytest.approx(3, abs=4 * 2 / n**0.5)
    assert drawn.std().item() == pytest.approx(2, abs=0.05)
    assert ad.bernoulli(ad.full((n,), 0.3)).mean().item() == pytest.approx(0.3, abs=4 * 0.0033)
    assert ad.poisson(ad.full((n,), 4.0)).mean().item() == pytest.approx(4, abs=4 * 2 / n**0.5)
    assert ad.empty(n).exponential_(2.0).mean().item() == pytest.approx(0.5, abs=4 * 0.5 / n**0.5)
    for wrong in ([-1.0, 1.0], [0.0, 0.0], [float("nan"), 1.0]):
        with pytest.raises(RuntimeError, match="multinomial"):
            ad.multinomial(ad.tensor(wrong), 1)
    with pytest.raises(RuntimeError, match="cannot draw 3 of 2 categories without replacement"):
        ad.multinomial(ad.ones(2), 3)


@needs_torch
def test_printing_options_are_pytorchs() -> None:
    values = [[0.123456789, 1234.5], [-7.0, 3.25]]
    try:
        for options in (
            {"precision": 2},
            {"sci_mode": True, "precision": 3},
            {"profile": "short"},
            {"profile": "full"},
        ):
            for lib in (ad, torch):
                lib.set_printoptions(profile="default")
                lib.set_printoptions(**options)
            assert repr(ad.tensor(values)) == repr(torch.tensor(values))
        ad.set_printoptions(profile="default", threshold=5, edgeitems=1)
        torch.set_printoptions(profile="default", threshold=5, edgeitems=1)
        assert repr(ad.arange(9)) == repr(torch.arange(9))
    finally:
        ad.set_printoptions(profile="default")
        torch.set_printoptions(profile="default")


def test_settings_are_kept() -> None:
    before = threads()
    try:
        ad.set_num_threads(3)
        assert ad.get_num_threads() == 3
    finally:
        ad.set_num_threads(before)
    with pytest.raises(RuntimeError, match="positive"):
        ad.set_num_threads(0)
    ad.set_float32_matmul_precision("high")
    assert ad.get_float32_matmul_precision() == "high"
    with ad.inference_mode():
        assert not ad.ones(1, requires_grad=True).mul(2).requires_grad

    @ad.inference_mode()
    def double(x: Any) -> Any:
        return x * 2

    assert not double(ad.ones(1, requires_grad=True)).requires_grad


@pytest.mark.parametrize(
    ("options", "reduction"),
    [({"size_average": False}, "sum"), ({"reduce": False}, "none"), ({"size_average": True}, "mean")],
)
def test_old_options_of_losses_warn_and_work(options: dict[str, bool], reduction: str) -> None:
    x, y = ad.tensor([1.0, 2.0]), ad.tensor([0.0, 5.0])
    with pytest.warns(UserWarning, match=f"please use reduction='{reduction}' instead"):
        loss = nn.functional.mse_loss(x, y, **options)  # type: ignore[arg-type]  # PyTorch's old names
    assert loss.tolist() == nn.functional.mse_loss(x, y, reduction=reduction).tolist()
    with pytest.warns(UserWarning, match=f"please use reduction='{reduction}' instead") as seen:
        module = nn.MSELoss(**options)
    assert seen[0].filename == __file__
    assert module.reduction == reduction
