"""The tests; each file is named after the module or the behaviour that it holds."""
