"""Helpers of a book on image classification: data, reference code, figures, checks.

Nothing is imported with the package itself. Import the modules you need by name::

    from imgcls_helpers import data, plots, runtime
    from imgcls_helpers.checks import check
"""

__version__ = "0.1.0"
