"""Benchmarks: each a named workload, a named rival in the same process, and ratios.

Run one as a module: `python -m xylograph.tools.benchmarks.simulator`.
"""
