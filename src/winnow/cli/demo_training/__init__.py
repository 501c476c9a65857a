"""The training half of the demo: a model and its students are trained, and their scores compared with a forecast."""
