"""The long tests: what takes longer than `make test` may. `make acceptance` runs them and prints a protocol."""
