"""One verifier from several weak ones, with or without labels. Works on arrays of votes and scores."""
