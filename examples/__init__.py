"""Programs that train small networks with `autodiff`, to be run and to be read."""
