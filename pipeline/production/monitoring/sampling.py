"""A sample of a stream by hash: the same requests whatever their order, and never more than asked for.

Those with the smallest hashes are kept (bottom-k; Cohen and Kaplan, 2007), one for each key. With the user as key a flood from one
person is one request, and what is kept stands alone.
"""

import zlib

from pipeline.production.logs.entry import Entry


def hashed(text: str) -> int:
    """32 bits of a text, the same on every machine."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) * 0x9E3779B1 & 0xFFFFFFFF


class Sample:
    """At most `size` requests, those whose keys have the smallest hashes; of a key the request with the smallest hash of its own."""

    def __init__(self, size: int) -> None:
        self._size, self.limit = size, 1 << 32
        self._kept: dict[str, tuple[int, int, Entry]] = {}

    def offer(self, key: str, key_hash: int, own_hash: int, entry: Entry) -> None:
        """Take in a request; only where `key_hash` is below `limit` there is use in it."""
        held = self._kept.get(key)
        if held is None or (own_hash, entry.id) < (held[1], held[2].id):
            self._kept[key] = (key_hash, own_hash, entry)
            if len(self._kept) > 2 * self._size:
                self._prune()

    def entries(self) -> list[Entry]:
        """The sample, by hash."""
        return [self._kept[key][2] for key in self._order()[: self._size]]

    def _order(self) -> list[str]:
        return sorted(self._kept, key=lambda key: (self._kept[key][0], key))

    def _prune(self) -> None:
        order = self._order()
        self.limit = self._kept[order[self._size - 1]][0] + 1  # equal hashes go by their keys
        for key in order[self._size :]:
            del self._kept[key]
