"""Training by several processes: gradients averaged over all of them, and statistics of the whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor, distributed
from autodiff.distributed.collectives import average
from autodiff.engine.graph import array_of, increment_version, recorded
from autodiff.tracing import decided, tracing

from .module import Module, tensors_in
from .normalization import _BatchNorm

__all__ = ["DistributedDataParallel", "SyncBatchNorm"]

_BUCKET_CAP_MB = 25.0


class _Bucket:
    """Parameters of one dtype whose gradients are averaged by one message."""

    def __init__(self, params: list[Tensor]) -> None:
        self.params = params
        self.ends = np.cumsum([0, *(p.numel() for p in params)]).tolist()
        self.flat = ad.zeros(self.ends[-1] + len(params), dtype=params[0].dtype)  # at its end, who has gradients
        self.waits_for = set(params)
        self.recorded: Any = None  # what stands for `flat` while a step is compiled

    def send(self) -> Any:
        """Gather the gradients and begin to average them."""
        if tracing() is not None:
            parts = [ad.zeros(p.numel(), dtype=p.dtype) if p.grad is None else p.grad.reshape(-1) for p in self.params]
            self.recorded = ad.cat(parts)
            return distributed.all_reduce(self.recorded, distributed.ReduceOp.AVG, async_op=True)
        flat = array_of(self.flat)
        for p, a, b in self._parts():
            flat[a:b] = 0 if p.grad is None else array_of(p.grad).reshape(-1)
        flat[self.ends[-1] :] = [p.grad is not None for p in self.params]
        return average(self.flat)

    def send_nothing(self) -> Any:
        """Take part in averaging the gradients of others."""
        array_of(self.flat)[...] = 0
        return average(self.flat)

    def receive(self, scale: float = 1) -> None:
        """Write the averages into the gradients, but of parameters that no process has a gradient of."""
        self.waits_for = set(self.params)
        if tracing() is not None:
            with ad.no_grad():
                for p, a, b in self._parts():
                    part = self.recorded[a:b].reshape(p.shape)
                    p.grad = part.clone() if p.grad is None else p.grad.copy_(part)
            self.recorded = None
            return
        flat = array_of(self.flat)
        if scale != 1:
            flat *= scale
        for (p, a, b), is_used in zip(self._parts(), flat[self.ends[-1] :] > 0, strict=True):
            if not is_used:
                continue
            if p.grad is None:
                p.grad = ad.tensor(flat[a:b].reshape(p.shape))
            else:
                array_of(p.grad)[...] = flat[a:b].reshape(p.shape)
                increment_version(p.grad)

    def _parts(self) -> Iterator[tuple[Tensor, int, int]]:
        return zip(self.params, self.ends[:-1], self.ends[1:], strict=True)


class DistributedDataParallel(Module):
    """A module that several processes train, each on its share of every batch.

    All begin with the parameters and buffers of process 0. When `backward` has added the last gradient, they are
    averaged over the processes, so that every optimizer takes the same step. With equal shares this is the step of one
    process on the whole batch; with `SyncBatchNorm` also where batches are normalized.

    Parameters
    ----------
    module : Module
    broadcast_buffers : bool, optional
        Let all begin each forward pass of training with the buffers of process 0.
    bucket_cap_mb : float, optional
        Gradients travel together in messages of at most so many MiB, those of the last layers first.
    find_unused_parameters : bool, optional
        Look, after each forward pass, for parameters that the output does not depend on, and take their gradients as 0.
    device_ids, output_device, dim, process_group, gradient_as_bucket_view, static_graph : optional
        PyTorch's; without meaning here.

    Attributes
    ----------
    module : Module
        In a state its keys begin with ``"module."``.

    Raises
    ------
    RuntimeError
        If `distributed.init_process_group` was not called, no parameter requires a gradient, or the processes have
        different parameters. In a forward pass: if some parameters got no gradient since the last one.

    Examples
    --------
    >>> from autodiff import distributed
    >>> distributed.init_process_group()  # doctest: +SKIP
    >>> model = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))  # doctest: +SKIP
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float = _BUCKET_CAP_MB,
        find_unused_parameters: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
    ) -> None:
        super().__init__()
        self.module = module
        self.broadcast_buffers, self.find_unused_parameters = broadcast_buffers, find_unused_parameters
        self.require_backward_grad_sync = True
        trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        if not trained:
            raise RuntimeError("DistributedDataParallel: no parameter of the module requires a gradient")
        self._require_equal([(name, p.shape, str(p.dtype)) for name, p in module.state_dict().items()])
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0)
        self._names: dict[Tensor, str] = {p: name for name, p in trained}
        self._buckets = _buckets([p for _, p in reversed(trained)], bucket_cap_mb)
        self._of = {p: bucket for bucket in self._buckets for p in bucket.params}
        self._sent: list[Any] = []
        self._syncs = True  # whether the gradients of the last forward pass are averaged
        self._joins = False  # whether processes may have no examples left
        self._scale = 1.0  # of averages, where only those with examples count
        self._is_awaiting = False  # whether a backward pass is to come
        for _, p in trained:
            p.register_post_accumulate_grad_hook(self._arrive)

    @staticmethod
    def _require_equal(mine: list[Any]) -> None:
        """Raise if the module of another process looks different."""
        found: list[Any] = []
        distributed.all_gather_object(found, mine)
        for rank, theirs in enumerate(found):
            if theirs != found[0]:
                one, other = next(
                    ((a, b) for a, b in zip(found[0], theirs, strict=False) if a != b), (len(found[0]), len(theirs))
                )
                raise RuntimeError(
                    f"DistributedDataParallel: the modules of processes 0 and {rank} differ: {one} and {other}"
                )

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module."""
        syncs = self.require_backward_grad_sync and ad.is_grad_enabled()
        if syncs and self._is_awaiting and self._is_partial():
            missing = sorted(self._names[p] for bucket in self._buckets for p in bucket.waits_for)
            raise RuntimeError(
                f"DistributedDataParallel: since the last forward pass no gradient came for {', '.join(missing)}; if "
                "the output does not depend on them, pass find_unused_parameters=True"
            )
        if ad.is_grad_enabled() and self._syncs is not syncs:
            self._syncs = syncs
        leader = self._announce() if self._joins and ad.is_grad_enabled() else 0
        if self.broadcast_buffers and self.training:
            self._broadcast_buffers(leader)
        output = self.module(*inputs, **kwargs)
        if syncs:
            self._is_awaiting = tracing() is None
            if self.find_unused_parameters:
                self._skip_unused(tensors_in(output))
        return output

    def _is_partial(self) -> bool:
        return any(0 < len(b.waits_for) < len(b.params) for b in self._buckets) or bool(self._sent)

    def _skip_unused(self, outputs: Iterable[Tensor]) -> None:
        """Do not wait for the gradients of parameters that no output depends on."""
        steps = recorded([y for y in outputs if y._op is not None], "DistributedDataParallel: {} was freed")
        used = {x for y in steps for x in y._inputs}
        for bucket in self._buckets:
            bucket.waits_for &= used

    def _arrive(self, param: Tensor) -> None:
        """Note a gradient; begin with each bucket that is full, in their order; at the last, wait for all."""
        if not self._syncs:
            return
        for work in self._sent:
            work.is_completed()  # messages go on when MPI is called
        self._of[param].waits_for.discard(param)
        while len(self._sent) < len(self._buckets) and not self._buckets[len(self._sent)].waits_for:
            self._sent.append(self._buckets[len(self._sent)].send())
        if len(self._sent) == len(self._buckets):
            for work, bucket in zip(self._sent, self._buckets, strict=True):
                work.wait()
                bucket.receive(self._scale)
            self._sent.clear()
            self._is_awaiting = False

    _arrive.is_recorded = True  # type: ignore[attr-defined]  # by `compile`: it computes with tensors alone

    def _broadcast_buffers(self, src: int) -> None:
        """Let all have the buffers of one process, by one message for each dtype."""
        if tracing() is not None:
            for buffer in self.module.buffers():
                distributed.broadcast(buffer, src)
            return
        kinds: dict[Any, list[Tensor]] = {}
        for buffer in self.module.buffers():
            kinds.setdefault(buffer.dtype, []).append(buffer)
        for buffers in kinds.values():
            flat = ad.cat([buffer.detach().reshape(-1) for buffer in buffers])
            distributed.broadcast(flat, src)
            ends = np.cumsum([buffer.numel() for buffer in buffers])[:-1]
            for buffer, values in zip(buffers, np.split(array_of(flat), ends), strict=True):
                array_of(buffer)[...] = values.reshape(buffer.shape)
                increment_version(buffer)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Let gradients add up without being averaged, until a pass outside of this block averages their sums.

        What counts is where the forward pass is.
        """
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextmanager
    def join(
        self,
        divide_by_initial_world_size: bool = True,
        enable: bool = True,
        throw_on_early_termination: bool = False,
    ) -> Iterator[None]:
        """Let a process that has fewer batches than others wait for them at the end of this block.

        It takes part in their messages with gradients of 0. At the end all have the parameters of one that trained to
        the last.

        Parameters
        ----------
        divide_by_initial_world_size : bool, optional
            Divide sums of gradients by the number of all processes, or else of those that still have batches.
        enable : bool, optional
            False: do nothing.
        throw_on_early_termination : bool, optional
            Raise in all processes as soon as one has no batches left.

        Examples
        --------
        >>> with model.join():  # doctest: +SKIP
        ...     for x, y in batches:
        ...         train_step(x, y)
        """
        if not enable or distributed.get_world_size() < 2:
            yield
            return
        self._joins, self._throws, self._divides_by_all = True, throw_on_early_termination, divide_by_initial_world_size
        self._last = distributed.get_rank()
        try:
            yield
            while (leader := self._announce(ends=True)) >= 0:
                self._follow(leader)
        finally:
            self._joins, self._scale = False, 1.0
        for tensor in self.module.state_dict().values():
            distributed.broadcast(tensor, self._last)

    def _announce(self, ends: bool = False) -> int:
        """Tell the others whether a batch comes, and learn it of them; return the first that has one, or -1."""
        mine = ad.tensor([not ends, self._syncs, self.training and self.broadcast_buffers], dtype="int64")
        found = [ad.zeros(3, dtype="int64") for _ in range(distributed.get_world_size())]
        distributed.all_gather(found, mine)
        active = [rank for rank, said in enumerate(found) if said[0].item()]
        if self._throws and len(active) < len(found):
            gone = sorted({*range(len(found))} - {*active})
            raise RuntimeError(f"DistributedDataParallel: no batches are left in the processes {gone}")
        if not active:
            return -1
        self._last = active[0]
        self._said = found[self._last].tolist()
        self._scale = 1.0 if self._divides_by_all else len(found) / len(active)
        return self._last

    def _follow(self, leader: int) -> None:
        """Take part in a step of the others."""
        _, syncs, broadcasts = self._said
        if broadcasts:
            self._broadcast_buffers(leader)
        if syncs:
            for work in [bucket.send_nothing() for bucket in self._buckets]:
                work.wait()


def _buckets(params: list[Tensor], cap_mb: float) -> list[_Bucket]:
    """Put parameters into as few buckets as their dtypes and the cap allow, in their order."""
    found: list[list[Tensor]] = []
    for p in params:
        last = found[-1] if found else []
        size = sum(array_of(q).nbytes for q in (*last, p))
        if not last or last[0].dtype != p.dtype or size > cap_mb * 2**20:
            found.append([])
        found[-1].append(p)
    return [_Bucket(bucket) for bucket in found]


class SyncBatchNorm(_BatchNorm):
    """Batch normalization over the batches of all processes; see `BatchNorm1d`.

    In evaluation, and in a process alone, it is batch normalization.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    >>> nn.SyncBatchNorm.convert_sync_batchnorm(net)[1]
    SyncBatchNorm(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    _dimensions = (2, 3, 4, 5)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Return the module with every batch normalization in it, or itself, replaced by one over all processes."""
        if isinstance(module, _BatchNorm):
            made = cls(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats,
                bias=module.bias is not None,
            )  # fmt: skip
            for name in ("weight", "bias"):
                made._parameters[name] = module._parameters[name]
            made._buffers.update(module._buffers)
            return made.train(module.training)
        for name, child in module.named_children():
            setattr(module, name, cls.convert_sync_batchnorm(child))
        return module

    def _normalize(self, x: Tensor, mean: Any, var: Any, use_batch: bool, momentum: Any) -> Tensor:
        if not use_batch or distributed.get_world_size() < 2:
            return super()._normalize(x, mean, var, use_batch, momentum)
        dims, shape = (0, *range(2, x.ndim)), (-1,) + (1,) * (x.ndim - 2)
        sums = distributed.summed(ad.cat([x.sum(dims), ad.full((1,), x.numel() / x.shape[1], dtype=x.dtype)]))
        count = sums[-1].detach()
        if decided(lambda n: n < 2, count):
            raise ValueError(
                f"SyncBatchNorm: expected more than one value per channel in training, got {count._data:g}"
            )
        batch_mean = sums[:-1] / count
        off = x - batch_mean.reshape(shape)
        batch_var = distributed.summed((off * off).sum(dims)) / count
        if mean is not None and var is not None:
            with ad.no_grad():
                mean += momentum * (batch_mean.detach() - mean)
                var += momentum * (batch_var.detach() * (count / (count - 1)) - var)
        y = off / (batch_var + self.eps).sqrt().reshape(shape)
        if self.weight is not None:
            y = y * self.weight.reshape(shape)
        shifted: Tensor = y if self.bias is None else y + self.bias.reshape(shape)
        return shifted
