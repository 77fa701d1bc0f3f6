"""What must hold of a network before it can be placed on a chip.

In: a `Graph` and a `Chip`. Out: a `Violation` for each place that breaks a rule, in the words of
the network. A rule is one small function, named by what must hold; `_structure.py` holds those about
what may feed what, `_values.py` those about numbers, `_sizes.py` those about how much there is.
`_rules.py` lists them all.

What only shows in the finished configuration (fan-out, memory, ranges) is checked by
`XyloConfig.violations`.

Everything public is exported by `xylograph.mapping`.
"""
