"""x."""


class Network: ...


def load(path): ...
