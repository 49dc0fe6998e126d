"""Verdicts of an assay service as rewards. A fault of the machine has no reward: it is never 0."""

from assay_oracle.client import Client, default_client
from assay_oracle.patch import patch_of
from assay_oracle.request import Options, Request
from assay_oracle.score import Failure, Score, Unscorable

__all__ = ["Client", "Failure", "Options", "Request", "Score", "Unscorable", "default_client", "patch_of"]
