"""What the stages know of data: records, readers, sides, ledgers. Knows no model."""
