"""Copies of the data: one file for each kind of database, a shared store below them."""
