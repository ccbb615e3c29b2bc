"""Scenarios: client frames in, events out, as data, on every set of adapters.

`data/*.yaml` holds them; `script.py` says how they are written.
"""
