"""PyTorch's public names and which of them are here: ``python -m benchmarks.torch_names`` prints docs/pytorch.md."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import autodiff
import nn
import optim

#: Why names are not here: for each group its reason, and what the names in it look like.
GROUPS: dict[str, tuple[str, str]] = {
    "modules of Python's, and what is left of imports": (
        "they are no part of PyTorch's interface",
        r"(builtins|ctypes|dataclasses|functools|glob|importlib|inspect|math|np|os|platform|sys|textwrap|threading|types|"
        r"typing|warnings|torch|Optional|Callable|Literal|Self|SupportsFloat|TypedDict|TypeVar|ParamSpec|TYPE_CHECKING|"
        r"Any|Tensor|cast|overload|override|partial|ref|wraps|inf|Mapping|Sequence|DType|assert_int_or_pair|"
        r"boolean_dispatch|handle_torch_function|has_torch_function\w*|is_tensor_like|factory_kwargs|common_types|"
        r"BroadcastingList\d|[A-Z_]+_MODES|\w+_notes|EPOCH_DEPRECATION_WARNING|T_destination|dump_patches|call_super_init)",
    ),
    "compilers and tracing": (
        "TorchScript, FX and the dispatcher compile and export PyTorch's own graphs; the graph here is the tensors",
        r"(jit|fx|compile\w*|export|library|ops|classes|package|hub|onnx|func|vmap|cond|while_loop|overrides|return_types|"
        r"Sym\w+|sym_\w+|Script\w+|\w*Type|\w*Graph\w*|\w*Capsule|Code|CompilationUnit|\w*ArgumentSpec|AliasDb|Argument|"
        r"Aggregation\w*|Benchmark\w+|Block|CallStack|DeepCopyMemoTable|De?serializ\w+|Disable\w+|Dispatch\w+|ErrorReport|"
        r"Event|Exclude\w+|ExecutionPlan|FatalError|File\w+|FunctionSchema|Future|Gradient|IODescriptor|JITException|"
        r"LiteScriptModule|\w*Logger\w*|ModuleDict|Node|OperatorInfo|PRIVATE_OPS|ParameterDict|PyTorchFile\w+|RRefType|"
        r"ScriptModule\w*|Serialization\w+|StaticModule|Stream\w*|Tag|ThroughputBenchmark|TracingState|USE_\w+|Use|Value|"
        r"merge_type\w+|parse_\w+|import_ir\w*|unify_type_list|get_file_path|classproperty|typename|wait|fork|BufferDict|"
        r"AcceleratorError|OutOfMemoryError|SUM|AVG|futures|testing|torch_version|version|to_dlpack|from_dlpack|futures|"
        r"compiled_with\w+|thread_safe_generator|as_subclass|module_load|output_nr|reinforce|grad_dtype|Kineto\w*|"
        r"kineto\w*|Profiler\w+|profiler\w*|DeviceType|DeviceObjType|SavedTensor|NestedIOFunction|anomaly_mode|grad_mode|"
        r"forward_ad|enforce_grad\w+|is_multithreading\w*|set_multithreading\w*|is_view_replay\w*|monitor|"
        r"prepare_multiprocessing_environment|multiprocessing|distributed|cpp|cpu|hash_tensor|get_device_module)",
    ),
    "other devices, memory formats and storages": (
        "everything is an array of NumPy on the CPU",
        r"(\w*cudnn\w*|cuda\w*|miopen\w+|mkldnn\w+|fbgemm\w+|mtia|xpu|ipu|maia|is_(ipu|maia|mtia|xla|xpu|vulkan\w*|"
        r"distributed|set_to|storage)|\w*[sS]torage\w*|to_mkldnn|record_stream|empty_(strided|permuted)|new_empty_strided|"
        r"as_strided\w*|set_|resize\w*|channels_last_3d|legacy_contiguous_format|layout|dim_order|const_data_ptr|"
        r"\w*autocast\w*|bit\d*\w*|int[1-7]|uint[1-7]|float[48]\w+|BFloat16\w+|bfloat16|init_num_threads|"
        r"get_num_interop_threads|get_device|has_(lapack|mkl|openmp|spectral)|is_inference\w*|share_memory|"
        r"set_default_tensor_type|\w*deterministic_debug_mode|is_warn_always_enabled|set_warn_always|"
        r"is_deterministic\w+|is_autocast\w*|set_anomaly_enabled|is_anomaly_check\w+|from_file|frombuffer|asarray|ao|"
        r"convert_conv\w+|memory_format)",
    ),
    "complex numbers and signals": (
        "tensors hold booleans, integers and floats",
        r"(\w*complex\w*|cfloat|cdouble|chalf|conj\w*|is_conj|resolve_\w+|real|imag|angle|polar|view_as_(real|complex)\w*|"
        r"fft|signal|stft|istft|is_neg|(bartlett|blackman|hamming|hann|kaiser)_window|adjoint|mH|H)",
    ),
    "sparse, quantized and nested tensors": (
        "arrays are dense",
        r"(\w*sparse\w*|\w*qu?int\d\w*|q_\w+|qscheme|quanti\w+|\w*quantiz\w+|fake_\w+|int_repr|dequantize|per_(tensor|channel)"
        r"_\w+|nested|jagged|to_padded_tensor|crow_\w+|ccol_\w+|col_indices\w*|row_indices\w*|indices|values|\w+_copy|"
        r"coalesce|is_coalesced|dense_dim|to_dense|(hs|ds|s|ss|sp)mm|saddmm|sspaddmm|hspmm|masked|choose_qparams\w+|"
        r"fused_moving\w+|SparseAdam|qat|intrinsic|quantizable|quantized|grouped_mm|scaled_\w*mm|S(caling|wizzle)Type)",
    ),
    "what the library uses inside": (
        "PyTorch's kernels, under names that programs do not call",
        r"(native_\w+|batch_norm_\w+|embedding_renorm_|norm_except_dim|affine_grid_generator|grid_sampler\w*|convolution|"
        r"conv_tbc|constant_pad_nd|rsub|unsafe_\w+|alias_copy|narrow_copy|slice_inverse|\w+_with_indices|rnn_\w+|"
        r"\w+_cell|lstm|gru|split_with_sizes|segment_reduce|is_distributed|symeig|eig|matrix_rank|lstsq|"
        r"triangular_solve|lu\w*|geqrf|orgqr|ormqr|lobpcg|\w+_lowrank|can_cast|promote_types|nonzero_static|"
        r"profile_hook_step|Optimizer\w+Hook|SyncBatchNorm|CrossMapLRN2d|Container|NLLLoss2d|DataParallel|Uninitialized\w+|"
        r"swap_in_\w+|clip_grad|convert_parameters|fusion|fuse_\w+|init|memory_format|stateless|skip_init|"
        r"upsample_(bilinear|nearest)|LinearCrossEntropy\w+|linear_cross_entropy|RNNBase|RNNCellBase|grad|volatile|new_\w+|"
        r"untyped_storage|frobenius_norm|nuclear_norm|map2?_|apply_|is_same_size|is_signed)",
    ),
    "pooling of windows drawn at random": (
        "no program that was tried has it",
        r"(\w*[fF]ractional\w*|\w*3d\w*)",
    ),
    "special functions and decompositions that few programs use": (
        "they can be made of NumPy's or SciPy's by `primitive`, a line each",
        r"(i0\w*|igamma\w*|mvlgamma\w*|special|bessel\w*|vander|nextafter\w*|frexp|renorm\w*|histogram\w*|quasirandom|"
        r"binomial|cauchy_|geometric_|log_normal_|random\w*|vander|logit_?|broadcast_shapes|range|pi|e|nan|newaxis|isin)",
    ),
    "operations under other names here": (
        "as functions of `torch` what `nn.functional` has, and in-place twins of functions, as methods",
        r"(\w+_|adaptive_\w+|alpha_dropout|avg_pool\w*|batch_norm|bilinear|celu|channel_shuffle|conv\w+|"
        r"cosine_\w+|ctc_loss|dropout\w*|embedding\w*|feature_\w+|group_norm|hardshrink|hinge_\w+|instance_norm|kl_div|"
        r"layer_norm|margin_\w+|max_pool\w*|pairwise_distance|pixel_\w+|poisson_nll_loss|prelu|rms_norm|rrelu|"
        r"selu|threshold|triplet_\w+|fill|detach|pdist|bernoulli|multinomial|equal)",
    ),
    "layers, losses and tools not asked for yet": (
        "no program that was tried needs them; each would be composed of what is here",
        r"(Adaptive\w+|AlphaDropout|FeatureAlphaDropout|FractionalMaxPool\w+|fractional_\w+|LPPool\w+|lp_pool\w+|"
        r"LocalResponseNorm|local_response_norm|ChannelShuffle|CTCLoss|RReLU|Multi\w+|multi\w+|TripletMarginWith\w+|"
        r"ASGD|Adafactor|Muon|Rprop|swa_utils|bfloat16|\w*spectral_norm|\w*weight_norm|parametri\w+|get_total_norm|"
        r"clip_grads_with_norm_|dirac\w*|sparse|constant|eye|kaiming_\w+|normal|orthogonal|uniform|xavier_\w+|clip_grad_norm|"
        r"chain_matmul|nn|optim|Buffer|modules|parameter|backends|autograd|utils|linalg|load|save|data|accelerator|amp|"
        r"Generator|GradScaler|distributions|mps|function|variable|backward)",
    ),
}


def modules() -> Iterator[tuple[str, Any, list[Any]]]:
    """Yield PyTorch's modules and classes, each with where its names are here."""
    import torch

    found = autodiff.autograd
    yield "torch", torch, [autodiff]
    yield "torch.Tensor", torch.Tensor, [autodiff.Tensor]
    yield "torch.nn", torch.nn, [nn]
    yield "torch.nn.functional", torch.nn.functional, [nn.functional]
    yield "torch.nn.Module", torch.nn.Module, [nn.Module]
    yield "torch.nn.init", torch.nn.init, [nn.init]
    yield "torch.nn.utils", torch.nn.utils, [nn.utils]
    yield "torch.optim", torch.optim, [optim]
    yield "torch.optim.Optimizer", torch.optim.Optimizer, [optim.Optimizer]
    yield "torch.optim.lr_scheduler", torch.optim.lr_scheduler, [optim.lr_scheduler]
    yield "torch.autograd", torch.autograd, [found, autodiff]


def is_here(name: str, homes: list[Any]) -> bool:
    """Tell whether one of our modules has a name, also one that it imports when asked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return any(hasattr(home, name) for home in homes)


def group_of(name: str) -> str | None:
    """Return the group that says why a name is not here."""
    return next((group for group, (_, like) in GROUPS.items() if re.fullmatch(like, name)), None)


def absent() -> dict[str, list[str]]:
    """Return for each of PyTorch's modules the public names that are not here."""
    return {
        title: [name for name in dir(theirs) if not name.startswith("_") and not is_here(name, homes)]
        for title, theirs, homes in modules()
    }


def table() -> str:
    """Return the text of docs/pytorch.md."""
    lines = [
        "# Programs written for PyTorch",
        "",
        "They run with their imports changed and nothing else:",
        "",
        "```python",
        "import autodiff as torch",
        "import autodiff.nn as nn",
        "import autodiff.nn.functional as F",
        "import autodiff.optim as optim",
        "from autodiff.utils.data import DataLoader, TensorDataset",
        "from autodiff.autograd import Function, Variable",
        "```",
        "",
        "`autodiff.nn` and `autodiff.optim` are the packages `nn` and `optim`, the same modules; a script that has an",
        "`nn.py` of its own beside it finds ours under the longer name. Random numbers are not PyTorch's: equal seeds",
        "give equal runs here, and other numbers there. bfloat16, complex numbers and GPUs are",
        "refused in one sentence; a `state_dict` is saved, in safetensors format.",
        "",
        "## PyTorch's names",
        "",
        "What PyTorch 2.13 offers under public names, and how much of it is here; `python -m benchmarks.torch_names`",
        "prints this page, with PyTorch installed.",
        "",
        "| | public names | here |",
        "|---|---|---|",
    ]
    missing = absent()
    for title, theirs, _ in modules():
        total = sum(not name.startswith("_") for name in dir(theirs))
        lines.append(f"| `{title}` | {total} | {total - len(missing[title])} |")
    lines += ["", "## What is not, and why", ""]
    by_group: dict[str, dict[str, list[str]]] = {}
    for title, names in missing.items():
        for name in names:
            by_group.setdefault(group_of(name) or "others", {}).setdefault(title, []).append(name)
    for group in [*GROUPS, "others"]:
        if group in by_group:
            reason = GROUPS[group][0] if group in GROUPS else "asked for by no program so far"
            lines += [f"**{group[0].upper()}{group[1:]}**: {reason}.", ""]
            lines += [f"- `{title}`: {', '.join(names)}" for title, names in by_group[group].items()]
            lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
