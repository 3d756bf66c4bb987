"""The warm server: a process that keeps TensorFlow imported from one run to the next."""

#: Environment variable: a run uses no server.
OFF = "LOSSCHECK_NO_SERVER"
