"""Names of what goes in and out of ONNX files of ours; loads nothing, for the base install."""

INPUT, OUTPUT = "input", "output"
STATE_PREFIX, NEW_STATE_PREFIX = "state_", "new_state_"
