"""Messages of the API as rows of tables and as detail views; pure functions of a message and a time."""
