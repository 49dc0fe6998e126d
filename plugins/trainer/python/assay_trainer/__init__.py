"""Trainer of language models on weights, advantages and log-probabilities that the caller gives; see README.md of this folder."""

PROTOCOL = 1
