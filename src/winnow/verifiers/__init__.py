"""Who judges: verifiers of answers (answers/), any function of the user, and what they share."""
