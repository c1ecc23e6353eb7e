"""kamkit: from a client's raw sales export to a defensible key-account strategy."""
__version__ = "0.1.0"
