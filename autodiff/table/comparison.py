"""Functions whose results have no derivative: comparisons, tests, logic, positions."""

from __future__ import annotations

import numpy as np

from ..engine.primitive import row
from ..kernels import elements

# -- of elements -------------------------------------------------------------------------------------------------------

eq = row(lambda a, b: a == b, symbol="=", numpy=np.equal)
ne = row(lambda a, b: a != b, symbol="≠", numpy=np.not_equal)
lt = row(lambda a, b: a < b, symbol="<", numpy=np.less)
le = row(lambda a, b: a <= b, symbol="≤", numpy=np.less_equal)
gt = row(lambda a, b: a > b, symbol=">", numpy=np.greater)
ge = row(lambda a, b: a >= b, symbol="≥", numpy=np.greater_equal)
bitwise_and = row(lambda a, b: a & b, symbol="∧", numpy=np.bitwise_and)
bitwise_or = row(lambda a, b: a | b, symbol="∨", numpy=np.bitwise_or)
bitwise_xor = row(lambda a, b: a ^ b, symbol="⊻", numpy=np.bitwise_xor)
bitwise_not = row(lambda x: ~x, symbol="¬", numpy=np.invert)
left_shift = row(lambda a, b: a << b, symbol="≪", numpy=np.left_shift)
right_shift = row(lambda a, b: a >> b, symbol="≫", numpy=np.right_shift)
isnan = row(lambda x: np.isnan(x), numpy=np.isnan)
isinf = row(lambda x: np.isinf(x), numpy=np.isinf)
isfinite = row(lambda x: np.isfinite(x), numpy=np.isfinite)
convert = row(lambda x, *, dtype: x.astype(dtype), symbol="dtype")
integer_power = row(lambda a, n: elements.integer_power(a, n), symbol="pow")
isclose = row(lambda a, b, *, rtol, atol, equal_nan: np.isclose(a, b, rtol, atol, equal_nan))

# -- along dimensions --------------------------------------------------------------------------------------------------

all = row(lambda x, *, dim, keepdim: np.all(x, axis=dim, keepdims=keepdim))
any = row(lambda x, *, dim, keepdim: np.any(x, axis=dim, keepdims=keepdim))
argmax = row(lambda x, *, dim, keepdim: np.argmax(x, axis=dim, keepdims=keepdim))
argmin = row(lambda x, *, dim, keepdim: np.argmin(x, axis=dim, keepdims=keepdim))
argsort = row(lambda x, *, dim: np.argsort(x, axis=dim, kind="stable"))
