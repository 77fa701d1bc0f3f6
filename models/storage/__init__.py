"""Networks on disk: architecture as JSON, arrays as safetensors, in one file.

`_saving.py` writes and reads files; to write, `_anatomy.py` takes a module apart, and to read,
`_rebuild.py` checks and puts it together. `_static_json.py` is how values that are no arrays look
in JSON, `_container.py` the file around document and arrays, `_files.py` how a file is replaced in
one go.

Everything public is exported by `xylograph.models`.
"""
