import sys
from pathlib import Path

# Tests are imported by their path, so that a folder of tests is no package; what its files share
# is imported from here.
sys.path.insert(0, str(Path(__file__).parent))
