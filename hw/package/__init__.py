"""Deployment packages: a configuration with what it must compute, in one file.

In: a configuration and recordings. Out: a file that another person can check on another board, in
another engine, years later. To read in this order: `_difference.py`, where two recordings of one
core differ; `_package.py`, the package and its check; `_package_file.py`, the file.
"""
