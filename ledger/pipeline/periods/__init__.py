"""Closed tax years: freezing their figures, reading them again, and telling when the book has come to say something else."""
