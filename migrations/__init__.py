"""The schema's history; travels in the wheel."""
