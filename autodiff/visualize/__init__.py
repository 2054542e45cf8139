"""Pictures of what was computed."""

from .explanation import Explanation as Explanation
from .explanation import Factor as Factor
from .paths import explain as explain
from .views import draw as draw
