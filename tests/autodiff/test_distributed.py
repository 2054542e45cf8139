"""Several processes over MPI: collectives, averaged gradients, statistics of the whole batch, and how a run ends."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
import time
from ast import literal_eval
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import distributed

MPIEXEC = shutil.which("mpiexec") or next(iter(map(str, Path(sys.executable).parent.glob("mpiexec"))), None)
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="mpi4py or mpiexec is not installed"
)

HEAD = """
import os, sys
import numpy as np
import autodiff as ad
import nn, optim
from autodiff import distributed as dist
dist.init_process_group("mpi")
rank, size = dist.get_rank(), dist.get_world_size()
"""


def run(code: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """Run a program in several processes."""
    command = [str(MPIEXEC), "-n", str(processes), sys.executable, "-c", HEAD + textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def check(code: str, processes: int = 2) -> str:
    """Run a program that asserts; return what it printed."""
    done = run(code, processes)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_mpi
def test_collectives() -> None:
    check(
        """
        R = dist.ReduceOp
        for kind in ("float16", "float32", "float64", "int64"):
            for op, expected in ((R.SUM, [3, 5]), (R.PRODUCT, [2, 6]), (R.MIN, [1, 2]), (R.MAX, [2, 3])):
                t = ad.tensor([1 + rank, 2 + rank], dtype=kind)
                assert dist.all_reduce(t, op) is None
                assert t.tolist() == expected and t.dtype == kind, (kind, op, t)
        t = ad.tensor([1.0 + rank])
        work = dist.all_reduce(t, R.AVG, async_op=True)
        work.wait()
        assert t.item() == 1.5 and work.is_completed()
        back = ad.zeros(2, 3).t()  # not in C's order
        dist.all_reduce(back.fill_(rank + 1.0))
        assert (back == 3).all()
        t = ad.tensor([rank == 1, False])
        dist.broadcast(t, src=1)
        assert t.tolist() == [True, False]
        parts = [ad.zeros(2) for _ in range(size)]
        dist.all_gather(parts, ad.tensor([rank, rank + 10.0]))
        assert [p.tolist() for p in parts] == [[0, 10], [1, 11]]
        dist.gather(ad.tensor([rank * 2.0]), parts := [ad.zeros(1) for _ in range(size)] if rank == 0 else None)
        assert rank or [p.item() for p in parts] == [0, 2]
        mine = ad.zeros(1)
        dist.scatter(mine, [ad.tensor([5.0]), ad.tensor([7.0])] if rank == 0 else None)
        assert mine.item() == (5, 7)[rank]
        found = []
        dist.all_gather_object(found, {"rank": rank})
        assert found == [{"rank": 0}, {"rank": 1}]
        listed = ["a", 1] if rank == 0 else [None, None]
        dist.broadcast_object_list(listed)
        assert listed == ["a", 1]
        dist.barrier()
        w = ad.tensor([2.0 + rank], requires_grad=True)
        (dist.summed(w * w) * (rank + 1)).sum().backward()  # 4 + 9, weighed 1 in one process and 2 in the other
        assert w.grad.item() == 2 * (2 + rank) * 3
        half = dist.summed(ad.tensor([1.5, 2.0], dtype="float16"))
        assert half.tolist() == [3, 4] and half.dtype == "float16"
        assert dist.summed(ad.tensor(1.0)).shape == ()
        for name, call in (("gather", dist.gather), ("scatter", dist.scatter)):
            try:
                if rank == 0:
                    call(ad.zeros(1), [ad.zeros(1)])
            except ValueError as error:
                assert f"{name}: process 0 needs a list of 2 tensors, got 1" in str(error)
            else:
                assert rank == 1
        assert dist.is_initialized() and dist.get_backend() == "mpi"
        dist.destroy_process_group()
        assert not dist.is_initialized() and dist.get_rank() == -1
        """
    )


@needs_mpi
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_processes_take_the_steps_of_one(processes: int) -> None:
    said = check(
        """
        rng = np.random.default_rng(0)
        X = rng.normal(size=(100, 32, 6)).astype("f")
        Y = rng.integers(0, 3, (100, 32))

        def network():
            ad.manual_seed(0)
            return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))

        def train(model, part):
            optimizer, criterion = optim.SGD(model.parameters(), lr=0.1, momentum=0.9), nn.CrossEntropyLoss()
            for x, y in zip(X, Y):
                optimizer.zero_grad()
                criterion(model(ad.tensor(x[part])), ad.tensor(y[part])).backward()
                optimizer.step()
            return model

        whole = train(network(), slice(None))
        model = nn.SyncBatchNorm.convert_sync_batchnorm(network())
        for p in model.parameters():
            p.data += rank  # all begin as process 0 does
        model = train(nn.parallel.DistributedDataParallel(model, bucket_cap_mb=3e-4), slice(rank, None, size))
        for (name, a), b in zip(whole.state_dict().items(), model.module.state_dict().values()):
            np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6, err_msg=name)
        print(len(model._buckets))
        """,
        processes,
    )
    assert "".join(said.split()) == "3" * processes


@needs_mpi
def test_gradients_add_up_without_messages_until_they_are_averaged() -> None:
    check(
        """
        model = nn.parallel.DistributedDataParallel(nn.Linear(1, 1, bias=False))
        w = model.module.weight
        with model.no_sync():
            model(ad.tensor([[1.0 + rank]])).sum().backward()
        assert w.grad.item() == 1 + rank
        model(ad.tensor([[10.0 * (1 + rank)]])).sum().backward()
        assert w.grad.item() == (11 + 22) / 2
        """
    )


@needs_mpi
def test_parameters_that_are_not_used_are_named_or_taken_as_0() -> None:
    check(
        """
        class Two(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)

            def forward(self, x):
                return (self.a if rank == 0 else self.b)(x) if self.training else x

        model = nn.parallel.DistributedDataParallel(Two(), find_unused_parameters=True)
        for _ in range(2):
            model.zero_grad()
            model(ad.ones(1, 1)).sum().backward()
        assert [p.grad.item() for p in model.parameters()] == [0.5] * 4
        strict = nn.parallel.DistributedDataParallel(Two())
        strict(ad.ones(1, 1)).sum().backward()
        try:
            strict(ad.ones(1, 1))
        except RuntimeError as error:
            assert f"no gradient came for {'ba'[rank]}.bias, {'ba'[rank]}.weight" in str(error)
            assert "find_unused_parameters=True" in str(error)
        else:
            raise AssertionError
        """
    )


@needs_mpi
def test_modules_that_differ_are_refused() -> None:
    done = run("nn.parallel.DistributedDataParallel(nn.Linear(2, 1 + rank))")
    assert done.returncode != 0
    assert "the modules of processes 0 and 1 differ: ('weight', (1, 2), 'float32') and ('weight', (2, 2)" in done.stderr


@needs_mpi
def test_a_process_that_fails_ends_all_within_seconds() -> None:
    start = time.monotonic()
    done = run("if rank == 1: raise KeyError('lost')\ndist.barrier()")
    assert time.monotonic() - start < 20
    assert done.returncode != 0
    assert "KeyError: 'lost'" in done.stderr
    assert "rank 1 of 2 failed (KeyError): all are stopped" in done.stderr


@needs_mpi
@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("os.kill(os.getpid(), 9)", "rank 1 of 2 (process"),
        ("os._exit(4)", "rank 1 of 2 (process"),
        ("sys.exit(3)", "all_reduce: rank 1 has left the processes, and so will never take part"),
        ("dist.destroy_process_group()", "all_reduce: rank 1 has left the processes"),
    ],
)
def test_a_process_that_ends_is_named_and_the_checkpoint_is_whole(tmp_path: Path, end: str, said: str) -> None:
    path = tmp_path / "run.safetensors"
    start = time.monotonic()
    done = run(
        f"""
        state = {{"weight": ad.zeros(1000)}}
        for step in range(1_000_000):
            dist.all_reduce(ad.ones(3))
            state["weight"] += 1
            if rank == 0:
                ad.save(state, {str(path)!r})
            elif step == 30:
                {end}
                break
        """
    )
    assert time.monotonic() - start < 20
    assert done.returncode != 0
    assert said in done.stderr
    assert done.stderr.count("without a word") <= 1  # those whom the launcher kills in turn are not named
    saved = ad.load(path)["weight"]
    assert (saved == saved[0]).all()
    assert saved[0].item() > 20


@needs_mpi
def test_processes_that_call_different_operations_are_told_who_calls_what() -> None:
    done = run("dist.all_reduce(ad.ones(4)) if rank else dist.broadcast(ad.ones(7))")
    assert done.returncode != 0
    assert "rank 0: broadcast of float32 (7,), from rank 0; rank 1: all_reduce of float32 (4,), SUM" in done.stderr


@needs_mpi
def test_an_operation_waits_no_longer_than_the_timeout() -> None:
    done = run(
        """
        import time
        dist.destroy_process_group()
        dist.init_process_group("gloo", timeout=0.5)
        if rank == 1:
            time.sleep(3)
        dist.barrier()
        """
    )
    assert done.returncode != 0
    assert "barrier: after 0.5 s (the timeout of the group) not all processes take part" in done.stderr


@needs_mpi
def test_groups_and_messages() -> None:
    check(
        """
        group = dist.new_group([1])
        t = ad.ones(1)
        if rank == 1:
            dist.all_reduce(t, group=group)
            assert dist.get_rank(group) == 0 and dist.get_process_group_ranks(group) == [1]
        else:
            assert group == dist.GroupMember.NON_GROUP_MEMBER and dist.get_world_size(group) == -1
        assert t.item() == 1
        if rank == 0:
            dist.isend(t + 4, dst=1, tag=3).wait()
            dist.send(ad.ones(3), 1)
        else:
            assert dist.recv(t, tag=3) == 0 and t.item() == 5
            try:
                dist.recv(ad.zeros(2, 2), 0)
            except RuntimeError as error:
                assert "recv: 12 bytes came from rank 0 for a tensor of float32 (2, 2)" in str(error)
            else:
                raise AssertionError
        b = ad.tensor([True, rank == 0, False])
        dist.all_reduce(b)
        assert b.tolist() == [True, True, False] and b.numpy().view(np.uint8).max() == 1
        bits = ad.tensor([3, rank])
        dist.all_reduce(bits, dist.ReduceOp.BOR)
        assert bits.tolist() == [3, 1]
        whole = ad.zeros(4)
        dist.all_gather_into_tensor(whole, ad.ones(2) * rank)
        assert whole.tolist() == [0, 0, 1, 1]
        one = ad.zeros(1)
        dist.reduce_scatter_tensor(one, ad.tensor([0.0, 1.0]))
        assert one.item() == 2 * rank
        into = [ad.zeros(1) for _ in range(2)]
        dist.all_to_all(into, [ad.tensor([10.0 * rank + k]) for k in range(2)])
        assert [t.item() for t in into] == [rank, 10 + rank]
        dist.all_to_all_single(swapped := ad.zeros(2), ad.tensor([0.0, 1.0]) + 10 * rank)
        assert swapped.tolist() == [rank, 10 + rank]
        mine = [None]
        dist.scatter_object_list(mine, [{"k": 0}, {"k": 1}] if rank == 0 else None)
        assert mine == [{"k": rank}]
        works = [dist.all_reduce(ad.ones(4), async_op=True) for _ in range(3)]
        assert all(work.wait() for work in works)
        for call, said in (
            (lambda: dist.all_gather([ad.zeros(3), ad.zeros(3)], ad.ones(1)), "expected tensors of float32 (1,)"),
            (lambda: dist.broadcast(ad.ones(1), src=7), "rank 7 is not among the processes [0, 1]"),
            (lambda: dist.all_reduce(ad.ones(2), dist.ReduceOp.BAND), "BAND takes integers or booleans"),
            (lambda: dist.destroy_process_group() or dist.init_process_group("gloo", world_size=4), "but MPI finds 2"),
        ):
            try:
                call()
            except ValueError as error:
                assert said in str(error), error
            else:
                raise AssertionError(said)
        """
    )


@needs_mpi
def test_the_first_messages_go_out_while_the_walk_goes_on() -> None:
    check(
        """
        import nn.distributed
        net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
        model = nn.parallel.DistributedDataParallel(net, bucket_cap_mb=1e-4)
        send, seen = nn.distributed._Bucket.send, []

        def noted(bucket):
            seen.append({name for name, p in net.named_parameters() if p.grad is not None})
            return send(bucket)

        nn.distributed._Bucket.send = noted
        model(ad.ones(2, 4)).sum().backward()
        assert len(seen) == len(model._buckets) >= 4
        assert seen[0] == {"4.weight", "4.bias", "2.bias"} and "0.weight" not in seen[1], seen
        """
    )


@needs_mpi
def test_frozen_shared_and_unused_parameters_and_where_no_sync_counts() -> None:
    check(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.frozen, self.norm, self.unused, self.c = (
                    nn.Linear(3, 3), nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(2, 2), nn.Linear(3, 3))
                self.frozen.requires_grad_(False)
                self.c.weight = self.a.weight

            def forward(self, x):
                return self.c(self.norm(self.frozen(self.a(self.a(x)))))

        def equal(tensors):
            for t in tensors:
                found = [ad.zeros_like(t.detach()) for _ in range(size)]
                dist.all_gather(found, t.detach())
                assert (found[0] == found[1]).all()

        ad.manual_seed(rank)
        net = Net()
        model = nn.parallel.DistributedDataParallel(net, find_unused_parameters=True)
        optimizer = optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=0.1)
        before = net.unused.weight.detach().clone()
        x = ad.randn(8, 3)
        for _ in range(3):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
        assert net.unused.weight.grad is None and (net.unused.weight == before).all()  # no weight decay either
        equal(net.parameters())

        model = nn.parallel.DistributedDataParallel(nn.Linear(1, 1, bias=False))
        w = model.module.weight
        with model.no_sync():
            with model.no_sync():
                y = model(ad.tensor([[1.0 + rank]]))
            z = model(ad.tensor([[1.0 + rank]]))
        (y + z).sum().backward()
        assert w.grad.item() == 2 * (1 + rank)
        y = model(ad.tensor([[1.0 + rank]]))
        with model.no_sync():
            y.sum().backward()
        assert w.grad.item() == 3 * 1.5
        """
    )


@needs_mpi
def test_processes_with_fewer_batches_join_the_others() -> None:
    said = check(
        """
        ad.manual_seed(0)
        net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
        model = nn.parallel.DistributedDataParallel(net)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        with model.join():
            for k in range(3 + 2 * (1 - rank)):
                optimizer.zero_grad()
                model(ad.randn(4, 2)).sum().backward()
                optimizer.step()
        told = [None, None]
        dist.all_gather_object(told, (k + 1, [t.tolist() for t in net.state_dict().values()]))
        if rank == 0:
            print([steps for steps, _ in told], told[0][1] == told[1][1], flush=True)
        """
    )
    assert said.split("\n")[0] == "[5, 3] True"


@needs_mpi
def test_a_checkpoint_resumes_on_another_number_of_processes(tmp_path: Path) -> None:
    code = f"""
        path = {str(tmp_path / "run.safetensors")!r}
        ad.manual_seed(rank)
        model = nn.parallel.DistributedDataParallel(nn.Linear(3, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        if os.path.exists(path):
            state = ad.load(path)
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        x = np.arange(12, dtype="f").reshape(4, 3) / 10
        for _ in range(3):
            optimizer.zero_grad()
            (model(ad.tensor(x[rank::size])) ** 2).mean().backward()
            optimizer.step()
        if rank == 0:
            ad.save({{"model": model.state_dict(), "optimizer": optimizer.state_dict()}}, path)
            print(model.module.weight.tolist())
        """
    first, second = np.array([literal_eval(check(code, n)) for n in (2, 1)])
    (tmp_path / "run.safetensors").unlink()
    again = np.array([literal_eval(check(code, n)) for n in (1, 2)])
    np.testing.assert_allclose(again, [first, second], atol=1e-6)  # two processes and one take the same steps
    assert np.abs(first - second).max() > 0.1


def test_a_sampler_deals_all_items_to_the_processes() -> None:
    shares = [ad.data.DistributedSampler(range(10), 3, rank, seed=1) for rank in range(3)]
    read = [list(share) for share in shares]
    assert sorted(i for part in read for i in part)[:10] != list(range(10))  # two are read twice
    assert set().union(*read) == set(range(10))
    assert [len(s) for s in shares] == [len(part) for part in read] == [4, 4, 4]
    for share in shares:
        share.set_epoch(1)
    assert [list(share) for share in shares] != read
    exact = [list(ad.data.DistributedSampler(range(10), 3, rank, drop_last=True)) for rank in range(3)]
    assert len({i for part in exact for i in part}) == 9
    with pytest.raises(RuntimeError, match="init_process_group"):
        ad.data.DistributedSampler(range(10))
    with pytest.raises(ValueError, match="no rank 3 among 3"):
        ad.data.DistributedSampler(range(10), 3, 3)


def test_what_needs_a_group_says_so() -> None:
    assert not distributed.is_initialized()
    with pytest.raises(RuntimeError, match=r"all_reduce: call init_process_group\(\) first"):
        distributed.all_reduce(ad.ones(1))
    with pytest.raises(ValueError, match="no backend 'nccl'"):
        distributed.init_process_group("nccl")
    with pytest.raises(RuntimeError, match="init_process_group"):
        nn.parallel.DistributedDataParallel(nn.Linear(1, 1))


@needs_mpi
def test_processes_that_torchrun_starts_are_told_to_use_mpiexec() -> None:
    code = "from autodiff import distributed as d; d.init_process_group('gloo'); print(d.get_world_size())"
    for size, said in (("2", "world_size=2, but MPI finds 1; start the processes with `mpiexec -n 2"), ("1", "")):
        environment = os.environ | {"WORLD_SIZE": size, "RANK": "0"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert said in done.stderr
        assert done.stdout == ("1\n" if size == "1" else "")


def test_without_mpi_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['mpi4py'] = None\nfrom autodiff import distributed\ndistributed.init_process_group()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "autodiff.distributed needs mpi4py and an MPI" in done.stderr
    assert "pip install mpi4py mpich" in done.stderr


def test_in_one_process_statistics_are_those_of_batch_normalization() -> None:
    x = ad.randn(8, 3, 4, 4)
    plain = nn.BatchNorm2d(3)
    sync = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(3)))
    assert ad.allclose(plain(x), sync(x))
    assert list(sync.state_dict()) == [f"0.{name}" for name in plain.state_dict()]


COMPILED = """
    def train(native, sync, cap):
        ad.manual_seed(3)
        model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8) if sync else nn.Tanh(), nn.Linear(8, 2))
        if native is not None or size > 1:
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model) if sync else model
            model = nn.parallel.DistributedDataParallel(model, bucket_cap_mb=cap)
        optimizer, criterion = optim.SGD(model.parameters(), lr=0.05, momentum=0.9), nn.CrossEntropyLoss()
        def step(x, y):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            return loss
        call = step if native is None else ad.compile(step, native=native)
        rng = np.random.default_rng(0)
        for k in range(8):
            x, y = rng.standard_normal((8, 3)), rng.integers(0, 2, 8)
            if k in (4, 6):
                y[-1] = -100  # of the last process alone: its run is given up after it has got messages
            mine = slice(rank * 8 // size, (rank + 1) * 8 // size)
            call(ad.tensor(x[mine], dtype="float32"), ad.tensor(y[mine]))
        return [t.detach().numpy() for t in (*model.parameters(), *model.buffers())]

    for sync in (False, True):
        for cap in (25.0, 0.0001):
            expected = train(None, sync, cap)
            for native in (False, True):
                for mine, theirs in zip(train(native, sync, cap), expected, strict=True):
                    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)
"""


@needs_mpi
def test_a_compiled_step_of_several_processes_is_the_plain_one() -> None:
    check(COMPILED)


@needs_mpi
def test_a_compiled_step_is_that_of_one_process_on_the_whole_batch() -> None:
    check(
        """
        def train(compiled):
            ad.manual_seed(0)
            model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1))
            if compiled:
                model = nn.parallel.DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(model))
            optimizer = optim.SGD(model.parameters(), lr=0.1)
            def step(x):
                optimizer.zero_grad()
                loss = model(x).square().mean()
                loss.backward()
                optimizer.step()
                return distributed_mean(loss.detach()) if compiled else loss
            def distributed_mean(loss):
                dist.all_reduce(loss, dist.ReduceOp.AVG)
                return loss
            call = ad.compile(step) if compiled else step
            rng, losses = np.random.default_rng(1), []
            for _ in range(5):
                x = ad.tensor(rng.standard_normal((8, 3)), dtype="float32")
                losses.append(call(x[rank * 8 // size : (rank + 1) * 8 // size] if compiled else x).item())
            return losses, [p.detach().numpy() for p in model.parameters()]
        (a, ps), (b, qs) = train(True), train(False)
        np.testing.assert_allclose(a, b, rtol=1e-5)
        for p, q in zip(ps, qs):
            np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-6)
        """
    )
