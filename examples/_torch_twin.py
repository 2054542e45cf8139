"""The same network trained by PyTorch: from the same weights, with the same loss and rule, on the same batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray

import nn
from examples._images import Images, Labels, Pixels
from optim import Optimizer


class TorchTwin:
    """
    A PyTorch network like one of ours, to be trained beside it.

    Parameters
    ----------
    model : nn.Sequential
        Linear, BatchNorm1d and activations; its weights are copied.
    criterion : nn.Module
        The loss.
    targets : callable
        Labels of shape (n,) to the targets the loss expects.
    optimizer : Optimizer
        SGD or Adam, of whom the settings are taken.
    cosine_steps : int
        In how many steps the learning rate falls to zero along a cosine; 0: it does not fall.

    Attributes
    ----------
    losses : list of float
        The loss of every step.
    seconds : float
        What the steps took.
    """

    def __init__(
        self,
        model: nn.Sequential,
        criterion: nn.Module,
        targets: Callable[[Labels], Labels | Pixels],
        optimizer: Optimizer,
        cosine_steps: int,
    ) -> None:
        self.model = torch.nn.Sequential(*map(_layer, model.children()))
        self.model.load_state_dict({name: torch.tensor(t.numpy()) for name, t in model.state_dict().items()})
        self.criterion = getattr(torch.nn, type(criterion).__name__)()
        self.targets = targets
        group = optimizer.param_groups[0]
        settings = {name: group[name] for name in ("lr", "momentum", "betas", "eps") if name in group}
        self.optimizer = getattr(torch.optim, type(optimizer).__name__)(self.model.parameters(), **settings)
        self.schedule = (
            torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, cosine_steps) if cosine_steps else None
        )
        self.losses: list[float] = []
        self.seconds = 0.0

    def train_epoch(self, batches: Iterable[tuple[Pixels, Labels]]) -> None:
        """Take one step for each batch of images and labels: the loop that ours is modelled on."""
        self.model.train()
        start = time.perf_counter()
        for images, labels in batches:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(torch.from_numpy(images)), torch.from_numpy(self.targets(labels)))
            loss.backward()
            self.optimizer.step()
            if self.schedule:
                self.schedule.step()
            self.losses.append(loss.item())
        self.seconds += time.perf_counter() - start

    def predict(self, images: Images) -> NDArray[np.float32]:
        """Return the outputs for all images of a data set, shape (n, outputs)."""
        self.model.eval()
        with torch.no_grad():
            outputs: NDArray[np.float32] = self.model(torch.from_numpy(images.inputs(slice(None)))).numpy()
        return outputs


def _layer(layer: nn.Module) -> torch.nn.Module:
    """Return PyTorch's layer of the same kind and size."""
    if isinstance(layer, nn.Linear):
        return torch.nn.Linear(layer.in_features, layer.out_features)
    if isinstance(layer, nn.BatchNorm1d):
        return torch.nn.BatchNorm1d(layer.num_features)
    activation: torch.nn.Module = getattr(torch.nn, type(layer).__name__)()
    return activation
