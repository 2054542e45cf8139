"""What is linear in a gradient: its Jacobian, as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autodiff.symbolic import evaluate, symbol, text
from autodiff.symbolic.linear import is_each_alone, is_in_place, jacobian

VALUES = {"p": np.array([0.2, 0.3, 0.5]), "V": np.arange(6.0).reshape(2, 3), "W": np.arange(6.0).reshape(3, 2) - 2}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda g, p, v, w: g, "I"),
        (lambda g, p, v, w: -3 * g, "diag(−3)"),
        (lambda g, p, v, w: p * g, "diag(p)"),
        (lambda g, p, v, w: p * (g - (g * p).sum()), "diag(p) − p @ pᵀ"),
        (lambda g, p, v, w: g - np.exp(p) * g.sum(axis=0, keepdims=True), "I − ones @ exp(p)ᵀ"),
        (lambda g, p, v, w: g @ w, "W"),
        (lambda g, p, v, w: (w.mT @ g[..., None])[..., 0], "W"),
        (lambda g, p, v, w: v @ (g * p), "diag(p) @ Vᵀ"),
        (lambda g, p, v, w: (g * p).sum(), "p"),
        (lambda g, p, v, w: g.sum(), "ones"),
        (lambda g, p, v, w: (-2 * g).sum(), "−2·ones"),
    ],
)
def test_jacobians(rule: Any, said: str) -> None:
    g = symbol("g", (3,))
    e = rule(g, *(symbol(name, v.shape) for name, v in VALUES.items())).expression
    found = jacobian(e, g.expression)
    assert found is not None
    assert text(found) == said
    rows = [np.reshape(evaluate(e, {**VALUES, "g": unit}), -1) for unit in np.eye(3)]
    names = {
        "I": np.eye(3),
        "ones": np.ones(3),
        "diag": lambda d: np.diag(np.broadcast_to(d, 3)),
        "exp": np.exp,
        **VALUES,
    }
    source = (
        said.replace("−", "-")
        .replace("·", "*")
        .replace("ones @ exp(p)ᵀ", "np.outer(ones, exp(p))")
        .replace("p @ pᵀ", "np.outer(p, p)")
    )
    expected = eval(source.replace("ᵀ", ".T"), {"np": np, **names})
    np.testing.assert_allclose(np.array(rows), expected.reshape(3, -1), rtol=1e-14)


def test_what_is_no_matrix() -> None:
    g = symbol("g", (3,))
    turned: Any = np.flip(g)
    assert jacobian(turned.expression, g.expression) is None
    assert jacobian((g[1:] + g[:-1]).expression, g.expression) is None


def test_which_elements_go_where() -> None:
    g, x = symbol("g", (3,)), symbol("x", (3,))
    for e, alone, in_place in [
        (g * np.exp(x), True, True),
        (np.where(x > 0, g, 2 * g), True, True),
        (g.reshape(3, 1) * np.ones((3, 4)), True, False),
        (g.reshape(3, 1) + g.reshape(1, 3), False, False),
        (g * (g * x).sum(), False, False),
        (x @ g, False, False),
    ]:
        assert is_each_alone(e.expression, g.expression) == alone
        assert is_in_place(e.expression, g.expression) == in_place
