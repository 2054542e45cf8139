"""Tests of layers, losses, initializations and the modules that hold them."""
