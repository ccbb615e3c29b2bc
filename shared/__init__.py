"""The core of Parley, imported by every function."""
