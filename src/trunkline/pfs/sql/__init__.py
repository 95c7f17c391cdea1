"""Files as rows of a database: egress to SQL."""
