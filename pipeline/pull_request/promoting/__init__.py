"""The parts of make promote, make rollback and what the main branch does with the accepted model."""
