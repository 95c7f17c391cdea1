"""The example's programs, pipeline files and notebook, without Trunkline."""
