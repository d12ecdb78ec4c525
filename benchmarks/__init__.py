"""What the README's figures come from: every claim beside its peer, in one run, on one core."""
