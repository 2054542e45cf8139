from optim.optimizer import Optimizer as Optimizer
