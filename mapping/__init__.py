"""From a network to a chip configuration."""
