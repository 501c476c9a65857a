"""Many rounds of training on a model's own output: closed forms, exact recursions and simulations."""
