from nn.utils import *
from nn.utils import parametrizations as parametrizations
from nn.utils import parametrize as parametrize
from nn.utils import prune as prune
from nn.utils import rnn as rnn
from nn.utils import stateless as stateless
