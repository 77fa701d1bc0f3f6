"""Whole networks from the literature, built from keyword arguments.

Everything public is exported by `xylograph.models`.
"""
