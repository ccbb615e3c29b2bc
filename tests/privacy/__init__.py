"""What people say, and secrets, stay out of the logs."""
