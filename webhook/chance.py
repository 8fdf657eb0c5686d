"""Chance, to part those who would do the same at the same moment: replicas, threads, workers."""

from random import SystemRandom

chance = SystemRandom().random
"""Give a number from 0 up to, not including, 1.

The system's: a generator of our own would be the same in all workers that are forked, and that of
the `random` module belongs to whoever seeds it.
"""
