"""The science behind winnow: closed forms and simulations (theory), problems with known answers (tasks), papers as executable studies (studies)."""
