"""Data sets, their division, and mini-batches in and out of order."""

from __future__ import annotations

import inspect
import json
import pickle
from collections import OrderedDict, UserList
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import autodiff as ad
from autodiff.data import DataLoader, Subset, TensorDataset, default_collate, random_split
from tests.oracle import Array, needs_torch, torch


def numbered(n: int = 10) -> TensorDataset:
    """Return a data set of n items that are told by their numbers."""
    return TensorDataset(np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.arange(n))


def items(batches: Any) -> list[list[int]]:
    """Return the numbers of the items in each batch."""
    return [y.tolist() for _, y in batches]


def values(batches: Any) -> list[Any]:
    """Return batches that are one tensor each as lists."""
    return [batch.tolist() for batch in batches]


def flat(batches: list[list[int]]) -> list[int]:
    """Return the numbers of all batches."""
    return [number for batch in batches for number in batch]


class Point(NamedTuple):
    """A named tuple."""

    x: Any
    y: Any


class Squares:
    """A data set that hands out one item at a time, and notes which."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 5

    def __getitem__(self, i: int) -> tuple[Array, int]:
        self.asked.append(i)
        return np.full(2, i * i), i


# -- data sets ---------------------------------------------------------------------------------------------------------


def test_tensor_dataset_keeps_memory_and_dtype() -> None:
    images, labels = np.arange(12, dtype=np.uint8).reshape(3, 2, 2), ad.tensor([5, 6, 7])
    dataset = TensorDataset(images, labels)
    assert len(dataset) == 3
    assert dataset.tensors[0].data.numpy() is images
    assert dataset.tensors[1] is labels
    x, y = dataset[1]
    assert (x.tolist(), y.item()) == ([[4, 5], [6, 7]], 6)
    assert x.dtype == np.uint8
    assert dataset[1:][1].tolist() == [6, 7]
    with pytest.raises(IndexError):
        dataset[3]


@pytest.mark.parametrize(
    ("kind", "match", "tensors"),
    [
        (TypeError, "argument 1 must be a Tensor or an ndarray, got list", (np.ones(2), [1, 2])),
        (ValueError, r"one length, got shapes \[\(2,\), \(3,\)\]", (np.ones(2), np.ones(3))),
        (ValueError, "one length", ()),
        (ValueError, "one length", (np.ones(()),)),
        (TypeError, "holds booleans, integers or floats", (np.array(["a"]),)),
    ],
)
def test_what_makes_no_data_set_is_refused(kind: type[Exception], match: str, tensors: Any) -> None:
    with pytest.raises(kind, match=match):
        TensorDataset(*tensors)


def test_subset_of_a_subset() -> None:
    part = Subset(Subset(numbered(), [9, 7, 5, 3]), [0, 2])
    assert len(part) == 2
    assert [part[i][1].item() for i in range(2)] == [9, 5]
    assert items(DataLoader(part, batch_size=2)) == [[9, 5]]
    assert items(DataLoader(pickle.loads(pickle.dumps(part)), batch_size=2)) == [[9, 5]]
    assert items(DataLoader(Subset(Squares(), [4, 1]), batch_size=2)) == [[4, 1]]


@pytest.mark.parametrize(
    ("lengths", "size"),
    [([7, 3], 10), ([10, 0], 10), ([0.7, 0.3], 10), ([0.5, 0.25, 0.25], 11), ([1 / 3] * 3, 11), ([1], 10), ([1.0], 7)],
)
@needs_torch
def test_random_split_has_pytorchs_lengths_and_all_items(lengths: list[float], size: int) -> None:
    parts = random_split(range(size), lengths, np.random.default_rng(0))
    assert [len(p) for p in parts] == [len(p) for p in torch.utils.data.random_split(range(size), lengths)]
    assert sorted(p[i] for p in parts for i in range(len(p))) == list(range(size))


@pytest.mark.parametrize("lengths", [[3, 3], [11], [], [-1, 11], [0.5, 0.6], [0.5, 0.4], [2.5, 7.0], [float("nan")]])
def test_random_split_refuses_what_is_no_division(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match=r"random_split: .* is no division of 10 items"):
        random_split(range(10), lengths)


@pytest.mark.parametrize("lengths", [[2.5, 7.5], [10.0], [3, 7.0]])
def test_random_split_refuses_lengths_that_are_no_integers(lengths: list[float]) -> None:
    with pytest.raises(TypeError, match="random_split: lengths must be integers, or shares that add up to 1"):
        random_split(range(10), lengths)


def test_random_split_is_repeatable() -> None:
    def split() -> list[Any]:
        return [p.indices for p in random_split(range(100), [50, 50])]

    ad.manual_seed(0)
    first = split()
    assert split() != first
    ad.manual_seed(0)
    assert split() == first


# -- batches -----------------------------------------------------------------------------------------------------------


def test_a_worked_example() -> None:
    """Ten rows in a given order, four at a time, the short last batch kept."""
    x, y = np.arange(20).reshape(10, 2), -np.arange(10, 20).reshape(10, 1)
    order = [2, 9, 6, 4, 0, 3, 1, 7, 8, 5]
    loader = DataLoader(TensorDataset(x, y), batch_size=4, sampler=order)
    assert [batch.tolist() for batch, _ in loader] == [
        [[4, 5], [18, 19], [12, 13], [8, 9]],
        [[0, 1], [6, 7], [2, 3], [14, 15]],
        [[16, 17], [10, 11]],
    ]
    assert [batch.tolist() for _, batch in loader] == [
        [[-12], [-19], [-16], [-14]],
        [[-10], [-13], [-11], [-17]],
        [[-18], [-15]],
    ]


@needs_torch
@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 11])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_in_order_equal_pytorchs(batch_size: int, drop_last: bool) -> None:
    mine = DataLoader(numbered(), batch_size, drop_last=drop_last)
    dataset = torch.utils.data.TensorDataset(*(torch.tensor(t.data.numpy()) for t in numbered().tensors))
    theirs = torch.utils.data.DataLoader(dataset, batch_size, drop_last=drop_last)
    assert len(mine) == len(theirs)
    found, expected = list(mine), list(theirs)
    assert len(found) == len(expected)
    for batch, reference in zip(found, expected, strict=True):
        for t, r in zip(batch, reference, strict=True):
            np.testing.assert_array_equal(t.data.numpy(), r.numpy())
            assert t.data.numpy().dtype == r.numpy().dtype


@needs_torch
@pytest.mark.parametrize(
    "batch",
    [
        [1, 2],
        [1.5, 2.5],
        [True, False],
        [np.float32(1.5), np.float32(2.5)],
        [np.arange(2), np.arange(2) + 1],
        [(1.5, 2), (3.5, 4)],
        [[1, {"a": 2, "b": np.ones(3)}], [3, {"a": 4, "b": np.zeros(3)}]],
        [1, 2.5],
        [2.5, 1],
        [np.float64(1.5)],
        ["one", "two"],
        ("one", "two"),
        [b"one", b"two"],
        [(1, "one", b"one"), (2, "two", b"two")],
        [Point(1, 2.5), Point(3, 4.5)],
        [{"p": Point(1, [2, 3])}, {"p": Point(4, [5, 6])}],
        [OrderedDict(a=1), OrderedDict(a=2)],
        [MappingProxyType({"a": 1}), MappingProxyType({"a": 2})],
        [UserList([1, 2]), UserList([3, 4])],
        [range(2), range(2)],
    ],
    ids=str,
)
def test_items_are_put_together_as_in_pytorch(batch: list[Any]) -> None:
    assert plain(default_collate(batch)) == plain(torch.utils.data.default_collate(batch))


def plain(value: Any) -> Any:
    """Return a batch of either library as names of kinds, lists and numbers."""
    if isinstance(value, Mapping):
        return type(value), {k: plain(v) for k, v in value.items()}
    if isinstance(value, (str, bytes, int, float)):
        return value
    if isinstance(value, Sequence):
        return type(value), [plain(v) for v in value]
    array = value.data.numpy() if isinstance(value, ad.Tensor) else value.numpy()
    return array.tolist(), array.dtype.name


@needs_torch
@pytest.mark.parametrize(
    "item",
    [1, 2.5, "one", b"one", np.ones(2, np.float32), np.int8(3), (1, np.ones(2)), [np.ones(2), "a"],
     {"a": np.ones(2), "b": 3}, Point(np.zeros(1), 2)],
    ids=str,
)  # fmt: skip
def test_single_items_are_converted_as_in_pytorch(item: Any) -> None:
    (mine,) = DataLoader([item], batch_size=None)
    (theirs,) = torch.utils.data.DataLoader([item], batch_size=None)
    assert plain(mine) == plain(theirs)


@pytest.mark.parametrize("batch", [[np.ones(2), np.ones(3)], [(1, 2), (3,)], [[1], [1, 2]]])
def test_items_of_unequal_size_are_refused_as_in_pytorch(batch: list[Any]) -> None:
    with pytest.raises(RuntimeError, match=r"default_collate: .* must be of one"):
        default_collate(batch)


@pytest.mark.parametrize(
    ("kind", "match", "batch"),
    [(TypeError, "cannot stack items of type object", [object()]), (TypeError, "type set", [{1}, {2}])],
)
def test_items_that_cannot_be_stacked_are_refused(kind: type[Exception], match: str, batch: list[Any]) -> None:
    with pytest.raises(kind, match=f"default_collate: .*{match}"):
        default_collate(batch)


def test_shuffled_epochs_hold_every_item_once_in_an_order_of_their_own() -> None:
    ad.manual_seed(0)
    loader = DataLoader(numbered(100), 8, shuffle=True)
    epochs = [flat(items(loader)) for _ in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(100))
    assert epochs[0] != epochs[1] != epochs[2] != list(range(100))
    ad.manual_seed(0)
    assert [flat(items(loader)) for _ in range(3)] == epochs


def test_a_generator_of_its_own_leaves_the_common_one_alone() -> None:
    before = ad.get_rng_state()
    orders = [items(DataLoader(numbered(), 3, True, generator=np.random.default_rng(5))) for _ in range(2)]
    assert orders[0] == orders[1]
    assert ad.get_rng_state() == before


def test_two_iterators_of_one_loader_do_not_disturb_each_other() -> None:
    loader = DataLoader(numbered(), 2, shuffle=True)
    first = iter(loader)
    seen = [next(first)[1].tolist()]
    second = items(loader)
    seen += items(first)
    assert sorted(flat(seen)) == sorted(flat(second)) == list(range(10))


def test_a_batch_owns_its_memory() -> None:
    dataset = numbered()
    for shuffle in (False, True):
        for x, _ in DataLoader(dataset, 4, shuffle):
            x.zero_()
    np.testing.assert_array_equal(dataset.tensors[0].data.numpy(), numbered().tensors[0].data.numpy())


def test_bytes_stay_bytes_until_the_transform() -> None:
    images = np.full((5, 2, 2), 255, np.uint8)
    seen: list[Any] = []

    def floats(x: ad.Tensor, y: ad.Tensor) -> Any:
        seen.append((x.dtype, x.shape))
        return x.reshape(len(x), -1).float() / 255, y

    batches = list(DataLoader(TensorDataset(images, np.arange(5)), 3, transform=floats))
    assert seen == [(np.uint8, (3, 2, 2)), (np.uint8, (2, 2, 2))]
    assert [(x.dtype, x.tolist()[0]) for x, _ in batches] == [(np.float32, [1.0] * 4)] * 2


def test_items_one_by_one_where_the_data_set_has_no_more() -> None:
    dataset = Squares()
    batches = list(DataLoader(dataset, 3))
    assert dataset.asked == [0, 1, 2, 3, 4]
    assert [x.tolist() for x, _ in batches] == [[[0, 0], [1, 1], [4, 4]], [[9, 9], [16, 16]]]
    assert [x.tolist() for x in DataLoader(range(4), 2, transform=lambda x: 10 * x)] == [[0, 10], [20, 30]]


def test_collate_fn_gets_the_items() -> None:
    loader = DataLoader(numbered(3), 2, collate_fn=lambda batch: [y.item() for _, y in batch])
    assert list(loader) == [[0, 1], [2]]


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, "2"])
def test_a_batch_size_that_is_no_positive_integer_is_refused(batch_size: Any) -> None:
    with pytest.raises(ValueError, match="DataLoader: batch_size must be a positive integer"):
        DataLoader(numbered(), batch_size)


@pytest.mark.parametrize(
    ("match", "options"),
    [
        ("shuffle and sampler exclude each other", {"shuffle": True, "sampler": [1]}),
        ("batch_size=None excludes drop_last", {"batch_size": None, "drop_last": True}),
        ("batch_sampler excludes", {"batch_size": 2}),
        ("batch_sampler excludes", {"shuffle": True}),
        ("batch_sampler excludes", {"sampler": [1]}),
        ("batch_sampler excludes", {"drop_last": True}),
        ("drop_last must be a bool, got None", {"drop_last": None}),
        ("timeout must not be negative, got -1", {"timeout": -1}),
        ("num_workers must be an integer, 0 or more, got -1", {"num_workers": -1}),
        ("num_workers must be an integer, 0 or more, got 1.5", {"num_workers": 1.5}),
        ("multiprocessing_context goes with workers", {"multiprocessing_context": "fork"}),
        ("prefetch_factor goes with workers", {"prefetch_factor": 2}),
        ("prefetch_factor must be a positive integer or None, got 0", {"num_workers": 1, "prefetch_factor": 0}),
        ("persistent_workers goes with workers", {"persistent_workers": True}),
    ],
)
def test_what_excludes_each_other_is_refused(match: str, options: dict[str, Any]) -> None:
    given = {"batch_sampler": [[1]], **options} if "batch_sampler" in match else options
    with pytest.raises(ValueError, match=f"DataLoader: {match}"):
        DataLoader(numbered(), **given)


@pytest.mark.parametrize("generator", [0, 7, np.random.RandomState(0)])
def test_what_is_no_generator_is_refused(generator: Any) -> None:
    with pytest.raises(TypeError, match=r"DataLoader: generator must be a numpy\.random\.Generator"):
        DataLoader(numbered(), shuffle=True, generator=generator)
    with pytest.raises(TypeError, match="random_split: generator must be"):
        random_split(range(10), [5, 5], generator=generator)


@pytest.mark.parametrize("name", ["collate_fn", "transform"])
def test_what_cannot_be_called_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"DataLoader: {name} must be a function, got 3"):
        DataLoader(numbered(), **{name: 3})  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize("dataset", [3, iter([1, 2]), {1, 2}])
def test_what_has_no_length_or_items_is_refused(dataset: Any) -> None:
    with pytest.raises(TypeError, match="DataLoader: a data set has a length and items by number"):
        DataLoader(dataset)


@needs_torch
def test_the_arguments_are_pytorchs() -> None:
    mine = inspect.signature(DataLoader).parameters
    theirs = inspect.signature(torch.utils.data.DataLoader).parameters
    assert [*mine] == [*theirs, "transform"]
    for name, expected in theirs.items():
        assert (mine[name].default, mine[name].kind) == (expected.default, expected.kind)


@needs_torch
def test_batches_of_a_batch_sampler_and_single_items_equal_pytorchs() -> None:
    dataset = torch.utils.data.TensorDataset(*(torch.tensor(t.data.numpy()) for t in numbered().tensors))
    for options in ({"batch_sampler": [[3, 1], [], [2], [0, 0, 9]]}, {"batch_size": None},
                    {"batch_size": None, "sampler": [4, 4, 2]}, {"batch_size": 2, "sampler": [4, 4, 2]}):  # fmt: skip
        skipped = {**options, "batch_sampler": [[3, 1], [2], [0, 0, 9]]} if "batch_sampler" in options else options
        mine, theirs = DataLoader(numbered(), **skipped), torch.utils.data.DataLoader(dataset, **skipped)
        assert len(mine) == len(theirs)
        assert [plain(batch) for batch in mine] == [plain(batch) for batch in theirs]


def test_items_that_the_data_set_hands_out_at_once() -> None:
    class AtOnce:
        def __len__(self) -> int:
            return 4

        def __getitem__(self, i: int) -> int:
            raise AssertionError("one by one")

        def __getitems__(self, indices: list[int]) -> list[int]:
            return [10 * i for i in indices]

    assert values(DataLoader(AtOnce(), 3)) == [[0, 10, 20], [30]]
    assert list(DataLoader(AtOnce(), 3, collate_fn=list)) == [[0, 10, 20], [30]]


def test_a_tensor_is_loaded_by_rows() -> None:
    assert values(DataLoader(ad.arange(5), 2)) == [[0, 1], [2, 3], [4]]


def test_a_subset_of_a_list_of_numbers() -> None:
    part = Subset(numbered(), [9, 7, 5, 3])
    assert [t.tolist() for t in part[[0, 2]]] == [[[18.0, 19.0], [10.0, 11.0]], [9, 5]]


@pytest.mark.parametrize("order", [[0, 10], [-11]])
def test_an_order_beyond_the_data_is_refused(order: list[int]) -> None:
    with pytest.raises(IndexError):
        list(DataLoader(numbered(), 2, sampler=order))


# -- taking an epoch up again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: DataLoader(numbered(), 3, shuffle=True), lambda: DataLoader(numbered(), 3)])
@pytest.mark.parametrize("batches", [1, 3, 4])
def test_the_rest_of_an_epoch_and_the_next(make: Callable[[], DataLoader], batches: int) -> None:
    ad.manual_seed(0)
    expected = [items(make()) for _ in range(2)]
    ad.manual_seed(0)
    loader = make()
    iterator = iter(loader)
    for _ in range(batches):
        next(iterator)
    position, random = json.loads(json.dumps(loader.state_dict())), ad.get_rng_state()
    ad.manual_seed(1)
    again = make()
    again.load_state_dict(position)
    ad.set_rng_state(random)
    assert items(again) == expected[0][batches:]
    assert items(again) == expected[1]


BETWEEN = {"position": 0, "seed": None, "rest": None, "generator": None,
           "kind": "in order", "items": 10, "batch_size": 3, "drop_last": False}  # fmt: skip


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_that_was_left_starts_over_here_and_where_the_state_is_loaded(shuffle: bool) -> None:
    ad.manual_seed(0)
    loader = DataLoader(numbered(), 3, shuffle=shuffle)
    for _ in loader:
        assert loader.state_dict()["position"] == 1
        break
    state, random = loader.state_dict(), ad.get_rng_state()
    assert (state["position"], state["seed"]) == (0, None)
    expected = items(loader)
    assert len(expected) == 4
    again = DataLoader(numbered(), 3, shuffle=shuffle)
    again.load_state_dict(state)
    ad.set_rng_state(random)
    assert items(again) == expected


def test_an_iterator_that_is_left_does_not_end_the_epoch_of_another() -> None:
    loader = DataLoader(numbered(), 3)
    first, second = iter(loader), iter(loader)
    next(first)
    next(second)
    del first
    assert loader.state_dict()["position"] == 1
    assert len(items(second)) == 3
    assert loader.state_dict() == BETWEEN


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize("depth", [1, 2])
def test_an_epoch_goes_on_after_an_inner_loop_over_the_same_loader(shuffle: bool, leave: bool, depth: int) -> None:
    ad.manual_seed(0)
    loader = DataLoader(numbered(), 3, shuffle=shuffle)

    def look(depth: int) -> None:
        for _ in loader:
            if depth > 1:
                look(depth - 1)
            if leave:
                break

    rest: list[Any] = []
    for i, (_, y) in enumerate(loader):
        if i == 1:
            look(depth)
            position, random = loader.state_dict(), ad.get_rng_state()
        elif i > 1:
            rest.append(y.tolist())
    assert position["position"] == 2
    assert loader.state_dict()["position"] == 0
    again = DataLoader(numbered(), 3, shuffle=shuffle)
    again.load_state_dict(position)
    ad.set_rng_state(random)
    assert [y.tolist() for _, y in again] == rest
    assert len(rest) == 2


def test_a_loop_that_goes_on_after_a_state_was_loaded_leaves_the_rest_to_the_next() -> None:
    loader = DataLoader(numbered(), 3)
    batches = iter(loader)
    next(batches)
    loader.load_state_dict({**BETWEEN, "position": 3})
    assert loader.state_dict()["position"] == 3
    next(batches)
    assert loader.state_dict()["position"] == 2
    assert len(items(batches)) == 2
    assert loader.state_dict()["position"] == 3
    assert len(items(loader)) == 1
    assert len(items(loader)) == 4


def test_a_look_at_the_first_batch_takes_the_rest_up() -> None:
    loader = DataLoader(numbered(), 3)
    loader.load_state_dict({**BETWEEN, "position": 3})
    assert next(iter(loader))[1].tolist() == [9]
    assert loader.state_dict() == BETWEEN
    assert len(items(loader)) == 4


class Drawn:
    """A sampler that says something else each time."""

    def __init__(self) -> None:
        self.rng, self.times = np.random.default_rng(8), 0

    def __len__(self) -> int:
        return 10

    def __iter__(self) -> Any:
        self.times += 1
        return iter(self.rng.permutation(10).tolist())


class DrawnBatches(Drawn):
    """The same, two at a time."""

    def __iter__(self) -> Any:
        drawn = list(super().__iter__())
        return (drawn[i : i + 2] for i in range(0, 10, 2))

    def __len__(self) -> int:
        return 5


@pytest.mark.parametrize(
    "make",
    [lambda: DataLoader(numbered(), 2, sampler=Drawn()), lambda: DataLoader(numbered(), batch_sampler=DrawnBatches()),
     lambda: DataLoader(numbered(), None, sampler=Drawn())],
)  # fmt: skip
def test_a_sampler_is_not_drawn_again_for_the_rest_of_an_epoch(make: Callable[[], DataLoader]) -> None:
    loader, again = make(), make()
    batches = iter(loader)
    next(batches)
    state = json.loads(json.dumps(loader.state_dict()))
    list(again)  # a process that has drawn other numbers
    again.load_state_dict(state)
    assert items(again) == items(batches)
    drawn: Any = again.batch_sampler if isinstance(again.batch_sampler, DrawnBatches) else again.sampler
    assert drawn.times == 1
    assert len(items(again)) == len(again)  # then it is asked again
    assert drawn.times == 2


class Endless:
    """A sampler that never ends, and notes how far it was read."""

    said = 0

    def __iter__(self) -> Any:
        while True:
            self.said += 1
            yield self.said % 10


class EndlessWithLength(Endless):
    """One that nevertheless says how long it is, as some do."""

    def __len__(self) -> int:
        return 10


class EndlessBatches(Endless):
    """The same, two at a time."""

    def __iter__(self) -> Any:
        numbers = super().__iter__()
        return zip(numbers, numbers, strict=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"batch_size": 3}, 12), ({"batch_size": 3, "drop_last": True}, 12), ({"batch_size": None}, 4),
     ({"batch_sampler": EndlessBatches}, 8)],
)  # fmt: skip
@pytest.mark.parametrize("kind", [Endless, EndlessWithLength])
def test_a_sampler_is_read_no_further_than_it_is_needed(options: dict[str, Any], said: int, kind: type) -> None:
    given = {"batch_sampler": EndlessBatches()} if "batch_sampler" in options else {**options, "sampler": kind()}
    batches = iter(DataLoader(numbered(), **given))
    seen = [next(batches)[1].reshape(-1).tolist() for _ in range(4)]
    flat = [number for batch in seen for number in batch]
    assert flat == [n % 10 for n in range(1, said + 1)]
    sampler: Any = given.get("sampler", given.get("batch_sampler"))
    assert sampler.said == said


@needs_torch
def test_pytorchs_loader_reads_a_sampler_as_far() -> None:
    theirs, mine = Endless(), Endless()
    dataset = torch.utils.data.TensorDataset(torch.arange(10))
    for batches in (iter(torch.utils.data.DataLoader(dataset, 3, sampler=theirs)),
                    iter(DataLoader(numbered(), 3, sampler=mine))):  # fmt: skip
        next(batches)
    assert mine.said == theirs.said


@pytest.mark.parametrize(("kind", "why"), [(Endless, "has no length"), (EndlessWithLength, "more than its 4 batches")])
def test_no_state_is_taken_within_an_epoch_without_an_end(kind: type, why: str) -> None:
    loader = DataLoader(numbered(), 3, sampler=kind())
    assert loader.state_dict()["position"] == 0
    batches = iter(loader)
    next(batches)
    with pytest.raises(RuntimeError, match=f"state_dict: the sampler .*{why}"):
        loader.state_dict()
    assert next(batches)[1].tolist() == [4, 5, 6]


def test_the_items_of_a_data_set_of_any_length_are_not_listed() -> None:
    class Huge(ad.data.Dataset):
        def __len__(self) -> int:
            return 10**15

        def __getitem__(self, index: Any) -> Any:
            return index

    assert next(iter(DataLoader(Huge(), 3))).tolist() == [0, 1, 2]
    assert next(iter(DataLoader(Huge(), None))) == 0
    assert next(iter(DataLoader(Huge(), 2, sampler=range(10**14, 10**15)))).tolist() == [10**14, 10**14 + 1]


@pytest.mark.parametrize("batches", [0, 2])
def test_the_loaders_own_generator_goes_on_where_it_was(batches: int) -> None:
    def make() -> DataLoader:
        return DataLoader(numbered(), 3, shuffle=True, generator=np.random.default_rng(5))

    loader, again = make(), make()
    list(loader)
    iterator = iter(loader)
    for _ in range(batches):
        next(iterator)
    state = json.loads(json.dumps(loader.state_dict()))
    again.load_state_dict(state)
    assert items(again) == items(iterator)
    assert items(again) == items(loader)


@pytest.mark.parametrize(
    ("match", "wrong"),
    [
        ("position 'x'", {"position": "x"}),
        ("position -1", {"position": -1}),
        ("position True", {"position": True}),
        ("position 5", {"position": 5}),
        ("seed 3", {"position": 1, "seed": 3}),
        ("no epoch", {"position": 1, "rest": [1, 2]}),
        ("kind is 'shuffled' in the state, 'in order' in the loader", {"kind": "shuffled"}),
        ("items is 11", {"items": 11}),
        ("batch_size is 4", {"batch_size": 4}),
        ("drop_last is True", {"drop_last": True}),
        ("generator of its own", {"generator": {}}),
    ],
)
def test_a_position_that_does_not_fit_changes_nothing(match: str, wrong: dict[str, Any]) -> None:
    loader = DataLoader(numbered(), 3)
    with pytest.raises(ValueError, match=f"load_state_dict: .*{match}"):
        loader.load_state_dict({**BETWEEN, **wrong})
    with pytest.raises(ValueError, match=rf"load_state_dict: the state has no .*{next(iter(wrong))}"):
        loader.load_state_dict({name: BETWEEN[name] for name in BETWEEN.keys() - wrong.keys()})
    with pytest.raises(TypeError, match="load_state_dict: expected what state_dict returns"):
        loader.load_state_dict(None)  # type: ignore[arg-type]  # that is the test
    assert loader.state_dict() == BETWEEN
    assert len(items(loader)) == 4


@pytest.mark.parametrize(
    ("loader", "wrong"),
    [
        (lambda: DataLoader(numbered(), 3, True), {"position": 1, "seed": None}),
        (lambda: DataLoader(numbered(), 3, True), {"position": 1, "seed": -1}),
        (lambda: DataLoader(numbered(), 3, sampler=[1, 2]), {"position": 1, "rest": None}),
        (lambda: DataLoader(numbered(), 3, sampler=[1, 2]), {"position": 1, "rest": [0.5]}),
        (lambda: DataLoader(numbered(), batch_sampler=[[1]]), {"position": 1, "rest": [1]}),
        (lambda: DataLoader(numbered(), generator=np.random.default_rng(0)), {"generator": {"state": 1}}),
    ],
)
def test_an_epoch_that_the_loader_cannot_have_changes_nothing(
    loader: Callable[[], DataLoader], wrong: dict[str, Any]
) -> None:
    found = loader()
    before = found.state_dict()
    with pytest.raises(ValueError, match="load_state_dict: n"):
        found.load_state_dict({**before, **wrong})
    assert found.state_dict() == before


def test_an_array_is_loaded_by_rows() -> None:
    rows = np.arange(12.0).reshape(6, 2)
    assert [batch.tolist() for batch in DataLoader(rows, batch_size=4)] == [rows[:4].tolist(), rows[4:].tolist()]


def test_a_subclass_that_changes_items_is_asked_for_them() -> None:
    class Scaled(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            return (super().__getitem__(index)[0] * 100,)

    (batch,) = next(iter(DataLoader(Scaled(ad.tensor([1.0, 2.0])), batch_size=2)))
    assert batch.tolist() == [100, 200]


def test_a_subset_follows_its_indices() -> None:
    part = Subset(list(range(10)), [1, 2, 3])
    part.indices = [7, 8]
    assert [batch.tolist() for batch in DataLoader(part, batch_size=3)] == [[7, 8]]


@pytest.mark.parametrize("numbers", [[1.5, 2.7], [True, False]])
def test_indices_are_not_cut_to_integers(numbers: list[Any]) -> None:
    with pytest.raises(TypeError, match="integers"):
        Subset(list(range(10)), numbers)


def test_kinds_of_error_are_pytorchs_too() -> None:
    with pytest.raises(AssertionError, match="at least one"):
        ad.data.ConcatDataset([])
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(ad.ones(2), ad.ones(3))
    joined = ad.data.ConcatDataset([TensorDataset(ad.ones(2))])
    for kind in (IndexError, ValueError):
        with pytest.raises(kind, match="out of range"):
            joined[-3]
