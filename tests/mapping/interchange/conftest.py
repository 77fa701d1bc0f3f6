import sys
from pathlib import Path

# The random configurations of the tests of engines serve here, too.
sys.path.insert(0, str(Path(__file__).parents[2] / "hw"))
