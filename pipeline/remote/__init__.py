"""Services that are asked over the network and paid: asked once, written down, replayed."""
