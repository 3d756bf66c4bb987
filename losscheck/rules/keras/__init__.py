"""The keras family: Keras's own contract."""
