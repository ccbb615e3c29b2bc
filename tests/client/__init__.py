"""The published client against a real `parley dev`."""
