from optim.lr_scheduler import *
