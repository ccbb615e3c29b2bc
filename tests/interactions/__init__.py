"""Tests of `shared/interactions`."""
