"""The warm server: a process that keeps TensorFlow imported from one run to the next."""
