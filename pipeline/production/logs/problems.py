"""What a reader of logs survived: how often each fault was met, and where first. Nothing in a log is an error.

A file that is read twice, for two windows, is counted once: its last reading says what is wrong with it.
"""

from collections import Counter

# What a fault is called, and what it means to whoever reads the report
MEANINGS = {
    "cut_line": "a line that ends before its JSON does",
    "unreadable_line": "a line that is not JSON",
    "other_schema": "a line that is JSON, and no line of this log",
    "long_line": "a line too long to be loaded",
    "bad_time": "a time that is missing, none, or without a zone",
    "future_time": "a time that has not come yet",
    "clock_back": "a clock that jumped back within a file",
    "duplicate": "a line whose request was read before",
    "unmapped": "a row that holds no request, or none that can be read",
    "other_span": "a step that is no request to a model",
    "unclear_score": "a score of which it cannot be said whether it is praise or blame",
    "automatic_score": "a score that no person gave",
    "empty_file": "a file without a byte",
    "other_file": "a file whose name is of no log",
    "cut_file": "a file that ends too early, or whose packing is damaged",
    "vanished_file": "a file that was gone before it was opened",
    "unreadable_file": "a file that could not be read",
}


class Problems:
    """Faults by file, so that each file counts once. Within a file they are kept in the order in which they were met."""

    def __init__(self) -> None:
        self._files: dict[str, Found] = {}

    def begin(self, file: str) -> "Found":
        """Forget what an earlier reading of the file found, and count anew."""
        found = self._files[file] = Found(file)
        return found

    def unless_begun(self, file: str) -> "Found":
        """Count what a file has wrong, unless another reading of it has counted that."""
        return Found(file) if file in self._files else self.begin(file)

    @property
    def counts(self) -> Counter[str]:
        """How often each fault was met, in all files."""
        return sum((found.counts for found in self._files.values()), Counter())

    @property
    def places(self) -> dict[str, str]:
        """The first place of each fault, by name of file and then by line."""
        first: dict[str, str] = {}
        for file in sorted(self._files):
            for name, place in self._files[file].places.items():
                first.setdefault(name, place)
        return first


class Found:
    """The faults of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.counts: Counter[str] = Counter()
        self.places: dict[str, str] = {}

    def add(self, name: str, line: int = 0) -> None:
        """One more of them; `line` is 0 for the file as a whole."""
        self.counts[name] += 1
        self.places.setdefault(name, f"{self.file}:{line}" if line else self.file)
