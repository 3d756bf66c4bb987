"""The graph family: graphs and Python side effects."""
