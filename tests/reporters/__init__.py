"""Tests of the reporters, on hand-made reports."""
