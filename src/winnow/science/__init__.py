"""Theory (closed forms and simulations), tasks with known answers, and studies that reproduce papers."""
