"""Descriptions of devices."""
