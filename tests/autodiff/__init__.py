"""Tests of the engine: tensors, the derivative table, the walk over the graph."""
