"""The page on which one picks up a bot's call and talks to it: static files, served under `/__console/`."""
