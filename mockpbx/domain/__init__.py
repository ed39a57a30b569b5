"""The call model: what a call is, what may happen to it and when. Time is an argument; nothing here waits."""
