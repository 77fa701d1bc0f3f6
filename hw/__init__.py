"""Chips, configurations and bit-accurate engines."""
