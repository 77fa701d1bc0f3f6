"""What stands between populations: maps of a raster that are not neurons.

Everything public is exported by `xylograph.models`.
"""
