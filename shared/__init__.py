"""The core of Parley, imported by every function."""

VERSION = "0.2.0.dev0"
"""The release, as `pyproject.toml` has it: a Lambda artifact has no metadata to read it from."""
