"""``--watch``: checks again what changed, on each save, with a worker that has TensorFlow imported."""
