"""The contract family: whether it is a loss at all."""
