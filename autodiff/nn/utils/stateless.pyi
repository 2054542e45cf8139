from nn.utils.stateless import *
