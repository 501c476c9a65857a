"""Many rounds of training on one's own output: regression, token editing, Gaussians, and what keeps a loop stable."""
