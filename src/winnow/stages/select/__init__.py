"""select: the rows to train on, by rules that apply in a fixed order, and a control to compare them with."""
