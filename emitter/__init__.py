"""A stand-in for the webhooks of the Immuta Request app: generate, sign, deliver, record, check."""
