"""The numerics family: NaN and Inf."""
