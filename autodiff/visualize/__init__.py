"""Pictures of what was computed."""

from .drawing import draw as draw
from .explain import Explanation as Explanation
from .explain import Factor as Factor
from .explain import explain as explain
