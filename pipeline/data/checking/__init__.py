"""What validate computes of each row, and how it tells what failed."""
