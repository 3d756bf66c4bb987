"""From a target string to losses: found by reading, loaded by importing."""
