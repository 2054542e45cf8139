"""Formulas: rows of the derivative table run on symbols, and what they give is written as text, LaTeX and Python."""

from . import linear as linear
from . import rows as rows
from .expression import Expression as Expression
from .formulas import factor as factor
from .formulas import latex as latex
from .formulas import latex_name as latex_name
from .formulas import latex_number as latex_number
from .formulas import text as text
from .python import build as build
from .python import evaluate as evaluate
from .python import source as source
from .rows import is_number as is_number
from .rows import pull_back as pull_back
from .rows import value as value
from .symbols import Symbol as Symbol
from .symbols import UnsayableError as UnsayableError
from .symbols import symbol as symbol
