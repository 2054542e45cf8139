from nn.utils import *
from nn.utils import rnn as rnn
