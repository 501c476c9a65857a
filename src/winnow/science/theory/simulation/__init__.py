"""One round of training, simulated: a world, noise on its labels, a policy that keeps some, a loss that learns."""
