"""The ways to show a `Report`: one format, one file."""
