"""`grid-router report`: what producers do from the command line."""
