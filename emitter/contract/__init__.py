"""Events held against what is documented, and what is assumed, of the app: verdicts and documents, no reports."""
