"""What the commands of both grammars ask of the server: messages in, messages out; no words, no tables."""
