"""Tests of the update rules and of the bookkeeping they share."""
