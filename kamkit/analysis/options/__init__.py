"""The six strategic options and account risk (domain §2): one module each, put together in `assess_options`."""

from kamkit.analysis.options.assessment import assess_options

__all__ = ["assess_options"]
