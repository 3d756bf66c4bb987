"""The shape family: axes, batch sizes, broadcasting."""
