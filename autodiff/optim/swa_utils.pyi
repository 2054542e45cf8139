from optim.swa_utils import *
