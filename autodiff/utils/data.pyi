from ..data import *
