"""The composition root: wires the rooms together, runs the controllers, starts and stops in order."""
