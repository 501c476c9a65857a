"""Many rounds of training on a model's own output: regression, token editing, Gaussians, and stable loops."""
