"""Restoring the ledger's table without sending anything twice: the steps of `drill`, which says what they are for."""
