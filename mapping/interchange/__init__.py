"""Networks and configurations of other tools, in and out.

ONNX: `_onnx_builder.py` writes graphs, `_onnx_core.py` one time step of a chip core,
`_onnx_sequence.py` a whole sequence of it; `_export_onnx.py` is what users call, `_load_onnx.py`
the way back.

Everything public is exported by `xylograph.mapping`.
"""
