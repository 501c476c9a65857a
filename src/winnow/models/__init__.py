"""Who writes and reads text: what a model says of the tokens of a text, from a model folder or stored with the rows."""
