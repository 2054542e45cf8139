from nn.utils.prune import *
