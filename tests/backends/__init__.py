"""Tests of `shared/backends`."""
