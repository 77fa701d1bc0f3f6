"""Modules made of modules: how states, records and shapes of the parts become those of the whole.

Everything public is exported by `xylograph.models`.
"""
