"""The `shortlist` component."""
