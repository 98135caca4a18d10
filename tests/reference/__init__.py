"""Fits compared with those of established programs."""
