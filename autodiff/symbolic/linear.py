"""What a rule makes of a gradient g, which is linear in it: its slope, or its Jacobian as a matrix."""

from __future__ import annotations

from typing import NamedTuple

from .expression import ELEMENTWISE, Expression, Shape, contains, number, replace, value
from .notation import on_paper
from .simplify import ONE, product, simplify, split, total


def is_each_alone(e: Expression, g: Expression) -> bool:
    """Tell whether each element of a result comes from one element of g, at the same place but for what is repeated."""
    found = _places(e, g)
    return len(found) == 1 and None not in found


def is_in_place(e: Expression, g: Expression) -> bool:
    """Tell whether each element of a result comes from the element of g at the same place, and is none repeated."""
    return e.shape == g.shape and _places(e, g) <= {()}


def _places(e: Expression, g: Expression) -> set[tuple[Shape, ...] | None]:
    """Return the ways in which g was reshaped before it went into each element alone; None stands for other ways."""
    if e == g:
        return {()}
    inside = {place for x in e.args for place in _places(x, g)}
    if e.head == "reshape":
        return {None if place is None else (*place, e.shape) for place in inside}
    return inside if e.head in ELEMENTWISE or not inside else {None}


def slope(e: Expression, g: Expression) -> Expression:
    """Return what g is multiplied with, where each of its elements is."""
    return with_gradient(e, g, number(1, g.shape))


def with_gradient(e: Expression, g: Expression, value: Expression) -> Expression:
    """Return a result of g with something in its place; of several ways a number stands last, as in 2·x + 5."""
    found = simplify(replace(e, {g: value}))
    if found.head == "add" and found.args[0].head == "number" and found.args[0].data not in (1, -1):
        return found.of(*found.args[1:], found.args[0])
    return found


class _Term(NamedTuple):
    """A part of a matrix: a diagonal, the product of a column and a row, or any matrix."""

    kind: str
    left: Expression
    right: Expression = ONE


def jacobian(e: Expression, g: Expression) -> Expression | None:
    """Return the matrix J of a gradient ``J.T @ g`` of a vector, where g is that of a vector; None if it is not found.

    Examples
    --------
    >>> from autodiff.symbolic import symbol, text
    >>> from autodiff.symbolic.linear import jacobian
    >>> g, p = symbol("g", (3,)), symbol("p", (3,))
    >>> text(jacobian((p * (g - (g * p).sum())).expression, g.expression))
    'diag(p) − p @ pᵀ'
    """
    try:
        terms = _transposed_terms(on_paper(e), g)
    except ValueError:
        return None
    return total(map(_matrix, terms)) if terms else None


def _transposed_terms(e: Expression, g: Expression) -> list[_Term]:
    if e == g:
        return [_Term("diag", number(1, g.shape))]
    inside = [x for x in e.args if contains(x, g)]
    if e.head == "add" and len(inside) == len(e.args):
        return [_spread(t, e.shape) for x in e.args for t in _transposed_terms(x, g)]
    if len(inside) != 1:
        raise ValueError("g enters at several places")
    terms = _transposed_terms(inside[0], g)
    others = [x for x in e.args if x is not inside[0]]
    if e.head == "mul":
        return [_scale(t, product(others)) for t in terms]
    if e.head == "sum" and not e.args[0].shape[1:]:
        return [_total(t) for t in terms]
    if e.head == "broadcast":
        return [_spread(t, e.shape) for t in terms]
    if e.head == "reshape" and inside[0].shape in ((), (1,)):
        return terms
    if e.head == "matmul" and len(e.shape) == 1:
        (matrix,) = others
        matrix = matrix if e.args[0] is matrix else _swap(matrix)
        return [_multiply(matrix, t) for t in terms]
    raise ValueError(f"{e.head} is no product")


def _spread(t: _Term, shape: Shape) -> _Term:
    return _Term("outer", number(1, shape), t.left) if t.kind == "row" else t


def _scale(t: _Term, by: Expression) -> _Term:
    if t.kind == "row":
        return t._replace(left=product([t.left, by])) if not by.shape else _Term("outer", by, t.left)
    if t.kind == "any" and by.shape:
        return _Term("any", Expression("matmul", (_diag(by), t.left), None, t.left.shape))
    return t._replace(left=product([by, t.left]))


def _total(t: _Term) -> _Term:
    if t.kind != "diag":
        raise ValueError("a sum of a matrix")
    return _Term("row", t.left)


def _multiply(matrix: Expression, t: _Term) -> _Term:
    if t.kind == "diag" and value(t.left) == 1:
        return _Term("any", matrix)
    if t.kind == "diag":
        return _Term("any", Expression("matmul", (matrix, _diag(t.left)), None, matrix.shape))
    if t.kind == "any":
        return _Term("any", Expression("matmul", (matrix, t.left), None, (matrix.shape[0], t.left.shape[-1])))
    raise ValueError("a product of a row")


def _matrix(t: _Term) -> Expression:
    """Return a part of the transposed matrix, transposed back."""
    if t.kind == "diag":
        coefficient, rest = split(t.left)
        if value(rest) == 1 and coefficient == 1:
            return Expression("identity", (), None, t.left.shape * 2)
        return _diag(t.left)
    if t.kind == "outer":
        (m, row), (n, column) = ((k, number(1, x.shape) if value(e) == 1 else e) for x in t[1:] for k, e in [split(x)])
        outer = Expression(
            "matmul", (column, Expression("row", (row,), None, row.shape)), None, column.shape + row.shape
        )
        return product([number(m * n), outer])
    if t.kind == "any":
        return _swap(t.left)
    coefficient, column = split(t.left)  # the row of a single element is a column
    if value(column) == 1:
        return product([number(coefficient), Expression("ones", (), None, t.left.shape)])
    return t.left


def _diag(e: Expression) -> Expression:
    return Expression("diag", (e,), None, e.shape * 2)


def _swap(e: Expression) -> Expression:
    if e.head == "transpose":
        return e.args[0]
    if e.head == "matmul":
        a, b = e.args
        return Expression("matmul", (_swap(b), _swap(a)), None, e.shape[::-1])
    if e.head == "diag":
        return e
    return Expression("transpose", (e,), (1, 0), e.shape[::-1])
