"""What records a computation and walks back through it. It knows no derivative; the table knows no graph."""
