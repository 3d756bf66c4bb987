"""The isolated child processes in which the command line probes losses."""
