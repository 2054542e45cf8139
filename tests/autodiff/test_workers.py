"""Workers of a data loader: the same batches as without them, in the same order, and what goes wrong in one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    SubsetRandomSampler,
    WeightedRandomSampler,
    get_worker_info,
)

from ..oracle import needs_torch, torch


class Squares(Dataset):
    """Items that take a while, the later the shorter, so that threads that did not keep order would be found out."""

    def __init__(self, n: int = 10) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        time.sleep((self.n - i) * 1e-4)
        return float(i), i * i


class Noisy(Squares):
    """Items that draw random numbers."""

    def __getitem__(self, i: int) -> Any:
        return ad.rand(2) + i


class Count(IterableDataset):
    """Counts, or with workers its share."""

    def __init__(self, n: int = 10) -> None:
        self.n = n

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        return iter(range(self.n) if info is None else range(info.id, self.n, info.num_workers))


def plain(value: Any) -> Any:
    """Return a batch as lists."""
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value.tolist() if isinstance(value, ad.Tensor) else value


def listed(loader: Any) -> list[Any]:
    return [plain(batch) for batch in loader]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 3},
        {"batch_size": 3, "drop_last": True},
        {"batch_size": None},
        {"batch_size": 4, "shuffle": True},
        {"batch_sampler": [[3, 1], [0], [2, 2, 2]]},
        {"batch_size": 2, "sampler": [5, 4, 3]},
    ],
)
def test_workers_make_the_same_batches_in_the_same_order(workers: int, options: dict[str, Any]) -> None:
    epochs = []
    for count in (0, workers):
        ad.manual_seed(4)
        loader = DataLoader(Squares(), num_workers=count, **options)
        epochs.append([listed(loader) for _ in range(2)] + [ad.rand(1).tolist()])
    assert epochs[0] == epochs[1]


def test_what_items_draw_depends_neither_on_the_number_of_workers_nor_on_the_main_thread() -> None:
    seen = []
    for count in (1, 3):
        ad.manual_seed(0)
        loader = DataLoader(Noisy(), 2, num_workers=count)
        first = []
        for batch in loader:
            first.append(batch.tolist())
        seen.append((first, listed(loader)))
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[0][1]  # another epoch, other numbers


def test_workers_read_a_sampler_no_further_than_they_are_ahead() -> None:
    read: list[int] = []

    class Endless:
        def __iter__(self) -> Iterator[int]:
            for i in range(10**9):
                read.append(i)
                yield i % 10

    batches = iter(DataLoader(Squares(), 2, sampler=Endless(), num_workers=2, prefetch_factor=3))
    next(batches)
    assert len(read) == 2 * 2 * 3
    batches.close()  # type: ignore[attr-defined]  # a generator


def test_the_state_within_an_epoch_counts_what_was_handed_out_not_what_was_made() -> None:
    for options in ({"shuffle": True}, {"sampler": [4, 1, 3, 2, 0, 5, 9, 8]}):
        ad.manual_seed(1)
        loader = DataLoader(Squares(), 2, num_workers=2, **options)  # type: ignore[arg-type]  # a mixed dict
        batches = iter(loader)
        next(batches)
        state = loader.state_dict()
        again = DataLoader(Squares(), 2, **options)  # type: ignore[arg-type]  # as above
        again.load_state_dict(state)
        assert listed(batches) == listed(again)


def test_an_error_in_an_item_comes_where_its_batch_would() -> None:
    class Broken(Squares):
        def __getitem__(self, i: int) -> Any:
            if i == 4:
                raise KeyError("item four")
            return i

    batches = iter(DataLoader(Broken(), 2, num_workers=2))
    assert [next(batches).tolist(), next(batches).tolist()] == [[0, 1], [2, 3]]
    with pytest.raises(KeyError, match="item four"):
        next(batches)


def test_a_batch_that_does_not_come_in_time_is_an_error() -> None:
    class Slow(Squares):
        def __getitem__(self, i: int) -> Any:
            time.sleep(0.3)
            return i

    with pytest.raises(RuntimeError, match=r"DataLoader: no batch came within 0\.02 s"):
        next(iter(DataLoader(Slow(), num_workers=1, timeout=0.02)))


def test_workers_know_who_they_are_and_end_with_the_loop() -> None:
    started: list[int] = []

    class Who(Squares):
        def __getitem__(self, i: int) -> Any:
            info = get_worker_info()
            assert info is not None
            return info.id

    loader = DataLoader(Who(6), num_workers=2, worker_init_fn=started.append)
    assert listed(loader) == [[0], [1], [0], [1], [0], [1]]
    assert sorted(started) == [0, 1]
    assert get_worker_info() is None
    for _ in loader:
        break
    end = time.monotonic() + 5
    while any(t.name.startswith("DataLoader") for t in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(t.name.startswith("DataLoader") for t in threading.enumerate())


def test_what_worker_init_fn_raises_is_raised() -> None:
    def fail(k: int) -> None:
        raise OSError("no file for this worker")

    with pytest.raises(OSError, match="no file for this worker"):
        list(DataLoader(Squares(), num_workers=1, worker_init_fn=fail))


@needs_torch
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("options", [{"batch_size": 2}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}])
def test_iterable_data_sets_are_read_as_pytorch_reads_them(workers: int, options: dict[str, Any]) -> None:
    class Theirs(torch.utils.data.IterableDataset):  # type: ignore[misc, name-defined]  # no types without PyTorch
        def __iter__(self) -> Iterator[int]:
            return iter(range(7))

    ours = DataLoader(Count(7), **options)
    assert [np.asarray(b).tolist() for b in ours] == [
        np.asarray(b).tolist() for b in torch.utils.data.DataLoader(Theirs(), **options)
    ]
    shares = [np.asarray(b).ravel().tolist() for b in DataLoader(Count(7), num_workers=workers, **options)]
    if "drop_last" not in options:
        assert sorted(x for share in shares for x in share) == list(range(7))


def test_an_iterable_data_set_has_no_sampler_and_no_state() -> None:
    with pytest.raises(ValueError, match="an IterableDataset has an order of its own"):
        DataLoader(Count(), shuffle=True)
    with pytest.raises(RuntimeError, match="state_dict: an IterableDataset has no positions"):
        DataLoader(Count()).state_dict()


def test_data_sets_one_after_the_other_and_side_by_side() -> None:
    both = Squares(2) + Squares(3)
    assert isinstance(both, ConcatDataset)
    assert [both[i] for i in (0, 2, -1)] == [(0.0, 0), (0.0, 0), (2.0, 4)]
    assert both.cumulative_sizes == [2, 5]
    with pytest.raises(IndexError, match="ConcatDataset: index 5 is out of range for 5 items"):
        both[5]
    with pytest.raises(ValueError, match="use ChainDataset"):
        ConcatDataset([Count()])
    assert list(Count(2) + Count(1)) == [0, 1, 0]
    assert isinstance(Count() + Count(), ChainDataset)
    assert StackDataset(range(3), range(3, 6))[2] == (2, 5)
    with pytest.raises(ValueError, match=r"of one length, got \[3, 2\]"):
        StackDataset(range(3), range(2))


@needs_torch
def test_samplers_say_what_pytorchs_say() -> None:
    theirs = torch.utils.data
    assert list(SequentialSampler(range(4))) == list(theirs.SequentialSampler(range(4)))
    for drop_last in (False, True):
        ours, other = BatchSampler(range(7), 3, drop_last), theirs.BatchSampler(range(7), 3, drop_last)
        assert list(ours) == list(other)
        assert len(ours) == len(other)
    assert sorted(RandomSampler(range(5))) == list(range(5))
    assert len(list(RandomSampler(range(5), num_samples=12))) == len(
        list(theirs.RandomSampler(range(5), num_samples=12))
    )
    assert sorted(RandomSampler(range(5), num_samples=10)) == sorted([*range(5)] * 2)
    assert set(RandomSampler(range(3), replacement=True, num_samples=50)) == {0, 1, 2}
    assert sorted(SubsetRandomSampler([7, 5, 3])) == [3, 5, 7]
    drawn = list(WeightedRandomSampler([1.0, 0.0, 3.0], 4000, generator=np.random.default_rng(0)))
    assert drawn.count(1) == 0
    assert drawn.count(2) / 4000 == pytest.approx(0.75, abs=0.03)  # four standard deviations
    loader = DataLoader(Squares(), 3, shuffle=True)
    assert isinstance(loader.sampler, RandomSampler)
    assert [len(rows) for rows in loader.batch_sampler] == [3, 3, 3, 1]


class Noise(Dataset):
    """Items that are random numbers."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: Any) -> float:
        return float(ad.rand(1))


def test_no_two_epochs_draw_the_same_even_of_loaders_that_begin_at_one_place() -> None:
    def drawn() -> list[Any]:
        ad.manual_seed(3)
        side_by_side = zip(*(DataLoader(Noise(), batch_size=4, num_workers=2) for _ in range(2)), strict=True)
        found = [batch.tolist() for pair in side_by_side for batch in pair]
        for _ in range(2):  # a loader made anew for each epoch
            found += [batch.tolist() for batch in DataLoader(Noise(), batch_size=4, num_workers=2)]
        return found

    first = drawn()
    assert len({value for batch in first for value in batch}) == 16
    assert drawn() == first
