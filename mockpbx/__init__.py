"""mockpbx: the Outgoing Call Service on your own machine."""
