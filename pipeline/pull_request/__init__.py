"""What the reviewer of a pull request looks at."""
