"""Brings an older project's tables to today's shape; imported only when that is needed."""
