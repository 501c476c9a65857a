"""What is done, in which order, and where: recipes, runs and the engines they run on."""
