"""Pictures of what was computed."""

from .drawing import draw as draw
from .explaining import Explanation as Explanation
from .explaining import Factor as Factor
from .explaining import explain as explain
