"""The parts of make reproduce and make why: a past commit laid out, run again, and compared."""
