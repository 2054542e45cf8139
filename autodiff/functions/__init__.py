"""What a user calls: each function reads its arguments, refuses what is wrong, and applies rows of the table."""
