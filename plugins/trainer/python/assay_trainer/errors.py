"""The errors that an answer can carry."""

from __future__ import annotations

import errno

import torch


class TrainerError(Exception):
    """What went wrong, by a code of the protocol; `retryable`: the same request may succeed later."""

    def __init__(self, code: str, message: str, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


def classify(error: BaseException) -> TrainerError:
    """The error of the protocol for any exception; what is not known is `internal`."""
    if isinstance(error, TrainerError):
        return error
    text = f"{type(error).__name__}: {error}"
    if no_space(error):
        return TrainerError("disk_full", f"the disk is full: {text}. Make room and repeat the request.", retryable=True)
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error):
        return TrainerError("out_of_memory", f"{text}. Lower micro_batch_tokens, or turn on checkpointing.")
    return TrainerError("internal", f"{text}. This is a fault of the trainer; its standard error has the traceback.")


def no_space(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, says that the disk or the quota is exhausted."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        # safetensors and torch give the text of the operating system only.
        if "No space left on device" in str(error) or "Disk quota exceeded" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
