"""Looking at what a sensor front end does to signals.

In: a front end of `xylograph.hw`, what it recorded, recordings of `xylograph.tools.datasets`. Out:
pictures (`_plot.py`).
"""

from ._plot import plot_filters as plot_filters, plot_frontend as plot_frontend

__all__ = ["plot_filters", "plot_frontend"]
