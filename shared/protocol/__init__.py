"""The wire: frames in, events out."""
