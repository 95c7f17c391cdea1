"""The algebra of inputs: relations of matched paths, each of which knows its content on two sides and its change."""
