"""Which rows to label, in which order, and when the labels have settled the decision. Works on arrays."""
