"""Looking at what a sensor front end does to signals.

In: a front end of `xylograph.hw`, what it recorded, recordings of `xylograph.tools.datasets`. Out:
pictures (`_plot.py`), and what of the signals survives (`_probe.py`).
"""

from ._plot import plot_filters as plot_filters, plot_frontend as plot_frontend
from ._probe import PairProbe as PairProbe, Probe as Probe, probe as probe

__all__ = ["PairProbe", "Probe", "plot_filters", "plot_frontend", "probe"]
