"""Everything of an instance in one folder, encrypted; proven whole by restoring it; put back."""
