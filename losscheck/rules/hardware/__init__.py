"""The hardware family: XLA, GPUs, replicas, memory and speed."""
