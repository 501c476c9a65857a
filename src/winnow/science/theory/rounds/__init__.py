"""What many rounds of training on one's own output do: closed forms, exact recursions, simulations."""
