"""Tests of `shared/tools`."""
