"""Many small cases as one test: what pytest does for each test takes a millisecond, mostly longer than such a case."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

Test = Callable[..., None]


def together(
    names: str | Sequence[str], cases: Iterable[Any], by: Callable[..., object] | None = None
) -> Callable[[Test], Test]:
    """Run a test for every case, as `pytest.mark.parametrize` does, but as one test, or as one for each group.

    All cases are tried, and those that fail are listed with their errors. `by` gets the values of a case and returns
    the name of its group. The cases of a test share its fixtures, and cannot have marks. Called with positional
    arguments, the test runs for these alone.
    """
    split = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    groups: dict[str, list[Any]] = {}
    for case in cases:
        groups.setdefault(str(by(*_values(case, split))) if by else "", []).append(case)

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(*args: Any, group: str = "", **fixtures: Any) -> None:
            if args:
                test(*args, **fixtures)
            else:
                _try(test, split, groups.get(group, []), fixtures)

        signature = inspect.signature(test)
        left = [p for name, p in signature.parameters.items() if name not in split]
        if by:
            left.append(inspect.Parameter("group", inspect.Parameter.KEYWORD_ONLY))
        run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]  # pytest reads it
        return pytest.mark.parametrize("group", list(groups))(run) if by else run

    return decorate


def _values(case: Any, names: list[str]) -> Sequence[Any]:
    """Return the values of a case, which may come from `pytest.param`."""
    if hasattr(case, "marks"):
        assert not case.marks, f"the case {case.id} has marks of its own"
        return case.values
    return (case,) if len(names) == 1 else case


def _try(test: Test, names: list[str], cases: list[Any], fixtures: dict[str, Any]) -> None:
    """Run a test for some cases, and list those that failed."""
    __tracebackhide__ = True
    if not cases:
        pytest.skip("there are no cases")
    failed: list[tuple[Any, Exception]] = []
    skipped: list[BaseException] = []
    for case in cases:
        try:
            test(**dict(zip(names, _values(case, names), strict=True)), **fixtures)
        except pytest.skip.Exception as reason:
            skipped.append(reason)
        except Exception as error:
            failed.append((case, error))
    if failed:
        lines = [f"{_name(case, names)}\n    {type(e).__name__}: {e}" for case, e in failed]
        said = f"{len(failed)} of {len(cases)} cases failed, the first one as above:\n" + "\n".join(lines)
        raise AssertionError(said) from failed[0][1]
    if len(skipped) == len(cases):
        raise skipped[0]


def _name(case: Any, names: list[str]) -> str:
    return getattr(case, "id", None) or ", ".join(f"{n}={v}" for n, v in zip(names, _values(case, names), strict=True))
