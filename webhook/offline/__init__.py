"""Judgement of manifests without a cluster: all objects given are one world."""
