"""What selection by an imperfect verifier does to one round of training, in closed form."""
