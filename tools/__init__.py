"""What a person runs: command line, data sets, reports."""
