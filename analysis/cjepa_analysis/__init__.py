"""Results of cjepa-exp in pandas and xarray.

Nothing is computed here that the program stores itself: numbers come from ``run.h5`` and from the JSON of
``cjepa-exp table``.
"""

from .experiment import DamagedResults, Experiment, ResultsError, Run
from .table import Table

__all__ = ["DamagedResults", "Experiment", "ResultsError", "Run", "Table"]
