"""Tests of the speed suite: that it works, not how fast anything is."""
