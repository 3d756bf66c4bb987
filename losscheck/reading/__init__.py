"""The source of a loss, read for what rules suspect: which names hold tensors, and what is done with them."""
