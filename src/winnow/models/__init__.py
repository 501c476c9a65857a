"""Who writes and reads text: our small transformers, a model folder, or probabilities stored with the rows."""
