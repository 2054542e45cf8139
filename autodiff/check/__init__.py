"""Whether derivatives are right, and derivatives of functions as a whole."""
