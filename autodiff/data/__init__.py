"""Data sets, samplers and mini-batches."""

from __future__ import annotations

from . import transforms as transforms
from .collate import default_collate as default_collate
from .collate import default_convert as default_convert
from .dataloader import DataLoader as DataLoader
from .dataset import ChainDataset as ChainDataset
from .dataset import ConcatDataset as ConcatDataset
from .dataset import Dataset as Dataset
from .dataset import IterableDataset as IterableDataset
from .dataset import StackDataset as StackDataset
from .dataset import Subset as Subset
from .dataset import TensorDataset as TensorDataset
from .dataset import random_split as random_split
from .images import ImageFolder as ImageFolder
from .sampler import BatchSampler as BatchSampler
from .sampler import DistributedSampler as DistributedSampler
from .sampler import RandomSampler as RandomSampler
from .sampler import Sampler as Sampler
from .sampler import SequentialSampler as SequentialSampler
from .sampler import SubsetRandomSampler as SubsetRandomSampler
from .sampler import WeightedRandomSampler as WeightedRandomSampler
from .table import CSVDataset as CSVDataset
from .workers import get_worker_info as get_worker_info

__all__ = [
    "BatchSampler", "CSVDataset", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler",
    "ImageFolder", "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
    "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate", "default_convert",
    "get_worker_info", "random_split", "transforms",
]  # fmt: skip


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
