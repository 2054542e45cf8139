"""Functions of arrays that NumPy lacks, or spells more slowly: what rows of the derivative table compute with."""
