"""The probes: each runs a loss one way on one batch and reports an `Observation`.

TensorFlow and Keras live here, imported inside functions. One mode, one file.
"""
