"""Checkpoints hold everything, survive a kill at any moment, and refuse what is not theirs by name."""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as raw_load
from safetensors.numpy import save as raw_save

import autodiff as ad
import nn
import optim
from autodiff.tensor import from_array
from tests.fuzzing import examples
from tests.oracle import array, needs_torch, torch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.safetensors"


# -- what goes in comes out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 3)])
def test_tensors_of_every_dtype_and_shape_come_back(path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    value = (np.random.default_rng(0).normal(size=shape) * 10).astype(dtype)
    ad.save({"x": ad.tensor(value)}, path)
    found = ad.load(path)["x"]
    assert isinstance(found, ad.Tensor)
    assert (found.dtype, found.shape, found.requires_grad) == (value.dtype, shape, False)
    np.testing.assert_array_equal(found.detach().numpy(), value)


def test_nested_states_come_back_with_their_kinds_order_and_keys(path: Path) -> None:
    state: dict[Any, Any] = {
        "z": {1: {"step": 3, "mean": ad.tensor([1.0, 2.0])}, 0: {}},
        "a": [1, 2.5, None, True, "text ☃", (0.9, 0.999), []],
        "numbers": [float("inf"), 0.1, 2**70, -0.0],
        "array": np.arange(3),
        "scalar": np.float32(0.1),
    }
    ad.save(state, path)
    found = ad.load(path)
    assert list(found) == list(state)
    assert list(found["z"]) == [1, 0]
    assert found["z"][1]["step"] == 3
    assert type(found["z"][1]["mean"]) is ad.Tensor
    assert found["a"] == state["a"]
    assert [type(v) for v in found["a"]] == [type(v) for v in state["a"]]
    assert found["numbers"] == state["numbers"]
    assert type(found["array"]) is np.ndarray
    assert found["scalar"] == np.float32(0.1)
    assert type(found["scalar"]) is np.float32


def test_what_required_a_gradient_requires_it_again(path: Path) -> None:
    x = ad.ones(2, requires_grad=True)
    ad.save({"leaf": x, "loss": (x * 2).sum(), "value": x.detach()}, path)
    state = ad.load(path)
    assert [(state[name].requires_grad, state[name].is_leaf) for name in state] == [(True, True)] * 2 + [(False, True)]
    assert state["loss"].item() == 4


def test_nan_comes_back(path: Path) -> None:
    ad.save({"loss": float("nan")}, path)
    assert np.isnan(ad.load(path)["loss"])


def test_views_and_foreign_byte_orders_are_written_as_their_values(path: Path) -> None:
    base = ad.arange(12, dtype=np.float64).reshape(3, 4)
    ad.save({"t": base.T, "every": base[:, ::2], "big": np.arange(3, dtype=">f8")}, path)
    found = ad.load(path)
    np.testing.assert_array_equal(found["t"].detach().numpy(), base.detach().numpy().T)
    np.testing.assert_array_equal(found["every"].detach().numpy(), base.detach().numpy()[:, ::2])
    np.testing.assert_array_equal(found["big"], np.arange(3.0))


def test_names_that_meet_are_kept_apart(path: Path) -> None:
    blank = f"autodiff.crc32={0:08x}"
    state = {"a.b": ad.tensor(1.0), "a": {"b": ad.tensor(2.0)}, "__metadata__": ad.tensor(3.0), blank: ad.tensor(4.0)}
    ad.save(state, path)
    found = ad.load(path)
    assert found[blank].item() == 4.0
    assert (found["a.b"].item(), found["a"]["b"].item(), found["__metadata__"].item()) == (1.0, 2.0, 3.0)


def test_training_resumes_exactly_from_a_checkpoint(path: Path) -> None:
    def trained(steps: int, resume_after: int | None = None) -> list[float]:
        ad.manual_seed(3)
        net = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 1))
        optimizer = optim.Adam(net.parameters(), lr=0.01)
        x, y = ad.randn(20, 3), ad.randn(20, 1)
        losses = []
        for step in range(steps):
            if step == resume_after:
                ad.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, path)
                net = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 1))
                optimizer = optim.Adam(net.parameters(), lr=0.5)
                state = ad.load(path)
                assert state["step"] == step
                net.load_state_dict(state["model"])
                optimizer.load_state_dict(state["optimizer"])
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    assert trained(12, resume_after=5) == trained(12)


def test_a_state_gives_the_same_file_every_time(path: Path) -> None:
    def saved() -> bytes:
        ad.save({"model": nn.Linear(2, 1).state_dict(), "n": 1}, path)
        return path.read_bytes()

    ad.manual_seed(0)
    first = saved()
    for _ in range(20):
        ad.manual_seed(0)
        assert saved() == first


def test_the_tensors_of_a_file_of_others_come_in_its_order_and_can_be_changed(path: Path) -> None:
    path.write_bytes(raw_save({name: np.zeros(2) for name in "fbdaec"}))
    for _ in range(5):
        state = ad.load(path)
        assert list(state) == list("abcdef")  # as its library writes them
    with ad.no_grad():
        for value in state.values():
            value += 1
    assert [value.tolist() for value in state.values()] == [[1.0, 1.0]] * 6


def test_without_the_library_that_knows_the_format_save_says_how_to_get_it() -> None:
    program = "import sys; sys.modules['safetensors'] = None; import autodiff as ad; ad.save"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "`pip install safetensors`" in found.stderr.splitlines()[-1]


# -- what does not fit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "named"),
    [
        ([1, print], "1 is a builtin"),
        ({"a": {"f": print}}, "a.f"),
        ({"a": [object()]}, "a.0"),
        ({1.5: 2}, "1.5"),
        ({True: 2}, "True"),
        ({"z": np.array([1j])}, "complex"),
        ({"s": {1, 2}}, "set"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_and_no_file_touched(path: Path, state: Any, named: str) -> None:
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match=named):
        ad.save(state, path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_whole_module_is_pickled_and_read_where_that_is_allowed(path: Path) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).eval()
    ad.save({"model": net, "epoch": 3}, path)
    with pytest.raises(ValueError, match="holds a pickled object, which can run any code; if you trust it"):
        ad.load(path)
    state = ad.load(path, weights_only=False)
    x = ad.ones(4, 2)
    np.testing.assert_array_equal(state["model"](x).detach(), net(x).detach())
    assert state["epoch"] == 3
    net.register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="nor can it be pickled"):
        ad.save(net, path)


def test_a_state_that_contains_itself_is_refused(path: Path) -> None:
    state: dict[str, Any] = {}
    state["again"] = state
    with pytest.raises(ValueError, match="contains itself"):
        ad.save(state, path)
    assert not path.exists()


def test_a_file_that_is_missing_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"state\.safetensors"):
        ad.load(path)


def test_a_folder_that_is_missing_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ad.save({}, path.parent / "nowhere" / "x")


def test_every_truncation_is_refused_by_name(path: Path) -> None:
    ad.save({"x": ad.ones(50), "y": ad.zeros(3), "n": 1}, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"state\.safetensors.*not a whole safetensors file"):
            ad.load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a checkpoint",
        b"\x80\x04\x95" + b"\x00" * 40,  # a pickle
        b"PK\x03\x04" + b"\x00" * 40,  # what torch.save writes
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}" + b"more",
    ],
)
def test_foreign_files_are_refused_by_name(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"state\.safetensors"):
        ad.load(path)


@pytest.mark.parametrize(
    "structure",
    [
        "nonsense",
        "[]",
        "5",
        '{"dict": [["x", {"tensor": "y"}]]}',
        '{"dict": [["x", {"code": "x"}]]}',
        '{"dict": [[[1], 2]]}',
        '{"dict": 5}',
        '{"list": []}',
        "{}",
        '{"list": [' * 100_000,
        '{"list": [' * 5_000 + "]}" * 5_000,
    ],
)
def test_a_broken_structure_is_refused_by_name(path: Path, structure: str) -> None:
    path.write_bytes(raw_save({"x": np.ones(2)}, {"autodiff": structure}))
    with pytest.raises(ValueError, match=r"state\.safetensors"):
        ad.load(path)


def entry(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


CRAFTED = {
    "bfloat16": {"x": entry("BF16", [4])},
    "complex": {"x": entry("C64", [1])},
    "65 dimensions": {"x": entry(shape=[1] * 64 + [2])},
    "a huge size beside 0": {"x": entry(shape=[0, 2**62], offsets=[0, 0]), "y": entry()},
    "a size beyond integers": {"x": entry(shape=[0, 2**70], offsets=[0, 0]), "y": entry()},
    "a huge number of elements": {"x": entry(shape=[2**40, 2**40])},
    "a negative size": {"x": entry(shape=[-2])},
    "a size that is true": {"x": entry(shape=[True, 2])},
    "a shape that is a number": {"x": entry(shape=2)},
    "a size that is NaN": {"x": entry(shape=[float("nan")])},
    "offsets beyond the file": {"x": entry(shape=[3], offsets=[0, 12])},
    "offsets beyond all files": {"x": entry("U8", shape=[2**60], offsets=[0, 2**60])},
    "offsets that overlap": {"x": entry(), "y": entry()},
    "a gap": {"x": entry(shape=[1], offsets=[4, 8])},
    "offsets backwards": {"x": entry(offsets=[8, 0])},
    "bytes left over": {"x": entry(shape=[1], offsets=[0, 4])},
    "three offsets": {"x": entry(offsets=[0, 4, 8])},
    "another field": {"x": {**entry(), "more": 1}},
    "a list of dtypes": {"x": {**entry(), "dtype": ["F32"]}},
    "metadata that are numbers": {"x": entry(), "__metadata__": {"a": 1}},
    "metadata that are a list": {"x": entry(), "__metadata__": [1]},
    "a structure that names an array twice": {
        "x": entry(),
        "__metadata__": {"autodiff": '{"dict": [["a", {"tensor": "x"}], ["b", {"tensor": "x"}]]}'},
    },
    "a structure that names an array as both kinds": {
        "x": entry(),
        "__metadata__": {"autodiff": '{"dict": [["a", {"tensor": "x"}], ["b", {"array": "x"}]]}'},
    },
    "a structure with a key twice": {"x": entry(), "__metadata__": {"autodiff": '{"dict": [["a", 1], ["a", 2]]}'}},
    "a structure that forgets an array": {"x": entry(), "__metadata__": {"autodiff": '{"dict": []}'}},
    "a number that is an array": {"x": entry(), "__metadata__": {"autodiff": '{"dict": [["a", {"number": "x"}]]}'}},
    "a checksum of another content": {
        "x": entry(),
        "__metadata__": {"autodiff.crc32=00000000": '{"dict": [["a", {"tensor": "x"}]]}'},
    },
    "a structure under another name": {"x": entry(), "__metadata__": {"note": '{"dict": [["a", {"tensor": "x"}]]}'}},
    "two structures": {"x": entry(), "__metadata__": {"autodiff": '{"dict": []}', "autodiff.crc32": '{"dict": []}'}},
    "complex beside 0": {"x": entry("C64", [0], [0, 0]), "y": entry()},
    "a field by position": {"x": ["F32", [2], [0, 8]]},
    "offsets that are a number": {"x": entry(offsets=8)},
    "a checksum of nothing": {"x": entry(), "__metadata__": {"autodiff.crc32": "0" * 8}},
}


def crafted(header: str, content: bytes = bytes(8)) -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + content


@pytest.mark.parametrize("case", CRAFTED)
def test_a_crafted_header_is_refused_by_name(path: Path, case: str) -> None:
    path.write_bytes(crafted(json.dumps(CRAFTED[case])))
    with pytest.raises(ValueError, match=r"state\.safetensors"):
        ad.load(path)


@pytest.mark.parametrize(
    ("header", "content", "said"),
    [
        ('{"x": %s, "x": %s}' % ((json.dumps(entry()),) * 2), bytes(8), "'x' stands twice"),
        ("[" * 100_000, b"", "nested too deeply"),
        (json.dumps({"x": entry("BOOL", [8])}), b"\0\1\2\0\0\0\0\0", "neither 0 nor 1"),
    ],
)
def test_what_no_writer_writes_is_refused_by_name(path: Path, header: str, content: bytes, said: str) -> None:
    path.write_bytes(crafted(header, content))
    with pytest.raises(ValueError, match=rf"state\.safetensors.*{said}"):
        ad.load(path)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04", r"safetensors\.torch\.save_file\(model\.state_dict\(\), path\)"),  # torch.save
        (b"\x80\x02", r"safetensors\.torch\.save_file"),  # torch.save of before 1.6
        (b"\x93NUMPY", r"numpy\.load"),
    ],
)
def test_the_refusal_of_files_of_others_says_how_to_read_them(path: Path, start: bytes, said: str) -> None:
    path.write_bytes(start + bytes(100))
    with pytest.raises(ValueError, match=rf"state\.safetensors.*{said}"):
        ad.load(path)


@pytest.mark.parametrize("start", [b"", struct.pack("<Q", 2) + b"{}", crafted(json.dumps({"x": entry()}))])
def test_a_damaged_file_larger_than_memory_is_refused_unread(path: Path, start: bytes) -> None:
    path.write_bytes(start)
    try:
        os.truncate(path, 2**42)  # of zeros that fill no disk
    except OSError:
        pytest.skip("this file system has no files as large")
    with pytest.raises(ValueError, match=r"state\.safetensors.*not a whole safetensors file"):
        ad.load(path)


def test_a_file_of_the_time_before_checksums_is_read(path: Path) -> None:
    structure = '{"dict": [["a", {"tensor": "x"}], ["n", 1]]}'
    path.write_bytes(raw_save({"x": np.ones(2, np.float32)}, {"autodiff": structure}))
    state = ad.load(path)
    assert (state["a"].tolist(), state["n"]) == ([1.0, 1.0], 1)


# -- damage at random --------------------------------------------------------------------------------------------------


def described(value: Any) -> Any:
    """Return a state in a form that can be compared, kinds and dtypes and all."""
    if isinstance(value, (ad.Tensor, np.ndarray, np.generic)):
        return type(value).__name__, str(value.dtype), value.shape, np.asarray(value).tobytes()
    if isinstance(value, dict):
        return [(key, described(v)) for key, v in value.items()]
    return (type(value).__name__, [described(v) for v in value]) if isinstance(value, (list, tuple)) else repr(value)


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """Return a file with a few bytes changed, cut out, put in or cut off, most often in its header."""
    content = bytearray(whole)
    at = rng.randrange(min(len(content), rng.choice([8, 800, 10**6])))
    kind = rng.randrange(6)
    if kind < 2:
        content[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        content[at] = rng.choice(b'0123456789[]{}",:-.eFIUB\0\xff')
    elif kind == 3:
        del content[at:]
    elif kind == 4:
        del content[at : at + rng.randrange(1, 9)]
    else:
        content[at:at] = content[: rng.randrange(1, 20)]
    return bytes(content)


def test_a_damaged_file_gives_the_state_as_it_was_or_is_refused_by_name(path: Path) -> None:
    ad.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    state = {"model": net.state_dict(), "betas": (0.9, [0.999, None]), "mask": np.array([True, False]), 7: "é\n"}
    ad.save(state, path)
    whole, expected = path.read_bytes(), described(ad.load(path))
    rng = random.Random(0)
    for _ in range(examples(4000)):
        content = damaged(whole, rng)
        path.write_bytes(content)
        try:
            found = ad.load(path)
        except ValueError as error:
            assert "state.safetensors" in str(error)  # noqa: PT017  # a load may also succeed
        else:
            assert described(found) == expected, content


def test_files_of_others_are_read_as_their_own_library_reads_them(path: Path) -> None:
    arrays = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "y": np.array([True, False]), "z": np.zeros((0, 2))}
    whole = raw_save(arrays, {"note": "text"})
    rng = random.Random(0)
    for _ in range(examples(4000)):
        content = damaged(whole, rng)
        path.write_bytes(content)
        try:
            theirs = raw_load(content)
        except Exception:  # the library raises several kinds, bare RuntimeErrors of Rust among them
            theirs = None
        try:
            found = ad.load(path)
        except ValueError as error:
            assert "state.safetensors" in str(error)  # noqa: PT017  # a load may also succeed
        else:
            assert theirs is not None, content
            assert described(dict(sorted(found.items()))) == described(
                {name: from_array(a) for name, a in sorted(theirs.items())}
            )


# -- the old file or the new one ---------------------------------------------------------------------------------------

WRITER = """
import sys
import numpy as np
import autodiff as ad
path, first = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
for n in range(first, first + 1_000_000):
    ad.save({"n": n, "values": from_array(np.full(100_000, float(n)))}, path)
    print(n, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one_whole(path: Path) -> None:
    moments = random.Random(5)
    ad.save({"n": 0, "values": from_array(np.full(100_000, 0.0))}, path)
    last = 0
    for _ in range(examples(15)):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(last + 1)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0, 0.01))  # a save takes a few milliseconds
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.stdout.read().splitlines() if line.strip().isdigit()]
        writer.wait()
        writer.stdout.close()
        state = ad.load(path)
        np.testing.assert_array_equal(state["values"].detach().numpy(), np.full(100_000, float(state["n"])))
        reported = told[-1] if told else last
        assert state["n"] in (reported, reported + 1)
        last = state["n"]


def test_a_failure_while_writing_leaves_the_old_file_and_no_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ad.save({"n": 1}, path)

    def full(*args: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        ad.save({"n": 2}, path)
    monkeypatch.undo()
    assert ad.load(path) == {"n": 1}
    assert list(path.parent.iterdir()) == [path]


WAITER = """
import os, sys, time
import autodiff as ad
os.fsync = lambda descriptor: (print("writing", flush=True), time.sleep(600))
ad.save({"n": 3}, sys.argv[1])
"""


@pytest.fixture
def waiting(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a save to the same file."""
    writer = subprocess.Popen([sys.executable, "-c", WAITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    yield writer
    writer.kill()
    writer.wait()
    writer.stdout.close()


@pytest.mark.skipif(os.name != "posix", reason="locks that end with their process are POSIX's")
def test_the_next_save_removes_what_a_killed_one_left_and_nothing_that_is_being_written(
    path: Path, waiting: subprocess.Popen[str]
) -> None:
    own = re.compile(r"\.state\.safetensors\.[0-9a-f]{16}\.tmp")
    others = [path.with_name(".state.safetensors.notes.tmp"), path.with_name(f".other.{'0' * 16}.tmp")]
    for other in others:
        other.touch()
    ad.save({"n": 1}, path)
    left = {p.name for p in path.parent.iterdir()} - {path.name, *(p.name for p in others)}
    assert len(left) == 1
    assert own.fullmatch(left.pop())
    waiting.kill()
    waiting.wait()
    ad.save({"n": 2}, path)
    assert set(path.parent.iterdir()) == {path, *others}
    assert ad.load(path) == {"n": 2}


def test_saves_of_many_threads_to_one_file_do_not_disturb_each_other(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ad.save({"n": n}, path), range(100)))
    assert ad.load(path)["n"] in range(100)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_may_have_the_longest_name_there_is(path: Path) -> None:
    longest = path.with_name("w" * 255)
    longest.touch()  # or the file system itself has shorter names
    ad.save({"n": 1}, longest)
    assert ad.load(longest) == {"n": 1}


@pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX's")
def test_a_replaced_file_keeps_its_mode_and_a_link_its_target(path: Path, tmp_path: Path) -> None:
    ad.save({"n": 1}, path)
    path.chmod(0o640)
    link = tmp_path / "latest"
    link.symlink_to(path)
    ad.save({"n": 2}, link)
    assert link.is_symlink()
    assert ad.load(path) == {"n": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
def test_a_pipe_gets_what_is_saved_if_it_is_read_and_is_never_waited_for(path: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match=r"Nobody reads from this pipe: .*pipe"):
        ad.save({"n": 1}, pipe)
    with pytest.raises(ValueError, match="pipe' is not a regular file"):
        ad.load(pipe)
    with path.open("wb") as file, subprocess.Popen(["cat", str(pipe)], stdout=file) as reader:
        x = ad.zeros(100_000)
        for _ in range(1000):  # until the reader has opened it
            try:
                ad.save({"x": x}, pipe)
                break
            except OSError:
                time.sleep(0.01)
        reader.wait()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert ad.load(path)["x"].shape == (100_000,)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can make devices")
def test_a_device_stays_a_device(tmp_path: Path) -> None:
    null = tmp_path / "null"
    os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    link = tmp_path / "link"
    link.symlink_to(null)
    for target in (null, link):
        ad.save({"n": 1}, target)
        assert stat.S_ISCHR(null.stat().st_mode)
        with pytest.raises(ValueError, match="not a regular file"):
            ad.load(target)
    disk = tmp_path / "disk"
    os.mknod(disk, 0o600 | stat.S_IFBLK, os.makedev(7, 255))
    with pytest.raises(OSError, match="Neither a file nor a pipe nor a character device"):
        ad.save({"n": 1}, disk)
    assert stat.S_ISBLK(disk.stat().st_mode)


def test_a_folder_is_refused_by_name(path: Path) -> None:
    path.mkdir()
    for call in (lambda: ad.save({}, path), lambda: ad.load(path)):
        with pytest.raises(OSError, match=r"state\.safetensors"):
            call()
    assert list(path.parent.iterdir()) == [path]


# -- both ways ---------------------------------------------------------------------------------------------------------


def networks(library: Any) -> dict[str, Any]:
    """Return a multi-layer perceptron with batch normalization and a small CNN of a library."""
    return {
        "perceptron": library.Sequential(
            library.Linear(6, 8), library.BatchNorm1d(8), library.LeakyReLU(), library.Linear(8, 3)
        ),
        "cnn": library.Sequential(
            library.Conv2d(1, 4, 3, padding=1),
            library.BatchNorm2d(4),
            library.ReLU(),
            library.MaxPool2d(2),
            library.Conv2d(4, 6, 3, groups=2),
            library.Flatten(),
            library.Linear(24, 3),
        ),
    }


INPUTS = {"perceptron": (5, 6), "cnn": (5, 1, 8, 8)}
ROUNDING = {"rtol": 2e-5, "atol": 2e-6}  # float32 rounds by 6e-8; the sums have up to 36 terms of about 1


@needs_torch
@pytest.mark.parametrize("name", list(INPUTS))
@pytest.mark.parametrize("ours_first", [True, False])
def test_weights_move_both_ways_through_a_file(path: Path, name: str, ours_first: bool) -> None:
    from safetensors.torch import load_file, save_file

    ad.manual_seed(0)
    torch.manual_seed(0)
    mine, other = networks(nn)[name], networks(torch.nn)[name]
    x = np.random.default_rng(0).normal(size=INPUTS[name]).astype(np.float32)
    for _ in range(3):  # running averages that are not those of the start
        (mine(ad.tensor(x)) if ours_first else other(torch.tensor(x)))
    if ours_first:
        ad.save(mine.state_dict(), path)
        report = other.load_state_dict(load_file(path))
    else:
        save_file(other.state_dict(), path)
        report = mine.load_state_dict(ad.load(path))
    assert not any(report)
    for training in (False, True):
        found, expected = mine.train(training)(ad.tensor(x)), other.train(training)(torch.tensor(x))
        np.testing.assert_allclose(array(found), array(expected), **ROUNDING)


@pytest.mark.parametrize("value", [ad.tensor([1.0, 2.0]), [ad.tensor(1), {"a": (2, "b")}], 3.5, ad.zeros(2, 3).shape])
def test_what_is_no_mapping_and_a_file_in_memory_are_saved_and_loaded(value: Any, path: Path) -> None:
    buffer = io.BytesIO()
    ad.save(value, buffer)
    buffer.seek(0)
    ad.save(value, path)
    for loaded in (
        ad.load(buffer, map_location="cpu", weights_only=True),
        ad.load(path, map_location=ad.device("cpu")),
    ):
        assert repr(loaded) == repr(value)


def test_a_state_is_mapped_to_no_other_device(path: Path) -> None:
    ad.save({"a": ad.ones(2)}, path)
    assert ad.load(path, map_location=lambda storage, loc: storage)["a"].tolist() == [1, 1]
    assert ad.load(path, map_location={"cuda:0": "cpu"})["a"].tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="load: there is no device 'cuda'"):
        ad.load(path, map_location="cuda")


# -- what is no path, and no state -------------------------------------------------------------------------------------


@pytest.mark.parametrize("no_file", [3, None, io.StringIO()])
def test_what_cannot_be_written_to_or_read_is_named(no_file: Any) -> None:
    with pytest.raises(TypeError, match="save: expected a path, or a file opened with 'wb'"):
        ad.save({}, no_file)
    with pytest.raises(TypeError, match="load: expected a path, or a file opened with 'rb'"):
        ad.load(no_file)


def test_a_stream_at_its_end_is_told_apart_from_a_broken_file() -> None:
    stream = io.BytesIO()
    ad.save({"a": 1}, stream)
    with pytest.raises(ValueError, match=r"seek\(0\)"):
        ad.load(stream)
    stream.seek(0)
    assert ad.load(stream) == {"a": 1}


def test_a_pickle_that_breaks_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.bin"
    ad.save(nn.Linear(2, 2), path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"net\.bin' holds a damaged pickle"):
        ad.load(path, weights_only=False)


def test_a_mask_is_not_lost() -> None:
    with pytest.raises(TypeError, match="seen is a masked array"):
        ad.save({"seen": np.ma.array([1.0, 2.0], mask=[0, 1])}, io.BytesIO())
