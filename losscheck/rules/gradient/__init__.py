"""The gradient family: whether it trains."""
