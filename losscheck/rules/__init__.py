"""The rules: one rule, one file, in one folder a family. They are found by walking this package."""
