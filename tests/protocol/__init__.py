"""Tests of `shared/protocol`."""
