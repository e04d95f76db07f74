"""Helpers around devices."""
