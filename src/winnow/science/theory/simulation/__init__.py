"""One simulated round of training: a world, noise on its labels, a policy that keeps some rows, and a loss."""
