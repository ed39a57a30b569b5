"""Workspaces at work: the clock, the journal, the 20 ms ticker. Joins the call model to its sound."""
