"""Losses, targets, configurations and reports that nobody wrote: losscheck itself never fails on them.

`trees` writes losses as random trees of TensorFlow ops, `planted` right losses with one known defect at a
known line, `noise` what a user may type and write around them, `reports` reports of any text. The tests here
run few of each, the same every time. By hand, ``python -m tests.fuzz 2000`` runs as many losses as are asked
for and writes each that losscheck fails on to a file, and ``LOSSCHECK_FUZZ=20000 pytest tests/fuzz
--hypothesis-profile long`` runs as many of everything else.
"""
