"""Small models as generators and students: they are trained on the spot and decoded once; rules select the rows."""
