"""Losses, targets, configurations and reports that nobody wrote: losscheck itself never fails on them.

`trees` writes losses as random trees of TensorFlow ops, `planted` right losses with one known defect at a known
line, `noise` what a user may type and write around them, `reports` reports of any text. The tests here run few of
each and the same ones every time. ``python -m tests.fuzz 2000`` runs as many as are asked for, and writes each that
losscheck fails on to a file.
"""
