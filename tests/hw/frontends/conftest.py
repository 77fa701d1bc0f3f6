import sys
from pathlib import Path

# As in the folder above: what its files share is imported from here.
sys.path.insert(0, str(Path(__file__).parent))
