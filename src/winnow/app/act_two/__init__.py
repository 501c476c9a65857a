"""demo, act 2: a model is trained on the spot, and students on what it wrote; what was foreseen meets what came."""
