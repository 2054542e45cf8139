"""Formulas: rows of the derivative table run on symbols, and what they give is written as text, LaTeX and Python."""

from .expression import Expression as Expression
from .symbol import Symbol as Symbol
from .symbol import Unsayable as Unsayable
from .symbol import symbol as symbol
from .text import factor as factor
from .text import latex as latex
from .text import latex_name as latex_name
from .text import latex_number as latex_number
from .text import text as text
from .python import compiled as compiled
from .python import evaluated as evaluated
from .python import source as source
