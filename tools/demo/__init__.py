"""`xylograph demo`: the whole road on real recordings.

In: a data set, a chip, a seed. Out: a `Summary`, and a folder with network, configuration, figures
and a picture. Read `_run.py` first; `_network.py` and `_recipe.py` are what it trains and how.
"""

from ._columns import Column as Column
from ._engine_check import EngineCheck as EngineCheck
from ._recipe import RECIPES as RECIPES, Recipe as Recipe
from ._run import run_demo as run_demo
from ._summary import Summary as Summary

__all__ = ["RECIPES", "Column", "EngineCheck", "Recipe", "Summary", "run_demo"]
