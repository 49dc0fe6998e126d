"""Checkpoints: a folder that is whole or not there.

    FOLDER/model/           what transformers and vLLM load: config, weights, tokenizer, neutral generation defaults
    FOLDER/trainer/         optimiser, weights where those of model/ are not exact, random state, weight version, answers
    FOLDER/checkpoint.json  size and sha256 of each of them
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from pathlib import Path

from .batch import digest_of
from .errors import TrainerError

MANIFEST = "checkpoint.json"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def begin(folder: str) -> Path:
    """An empty folder beside FOLDER, to be filled and given to `finish`; what a killed save left there is removed."""
    target = Path(os.path.abspath(folder))
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = beside(folder)
    abandon(folder)
    fresh.mkdir()
    return fresh


def beside(folder: str) -> Path:
    """Where the next checkpoint of FOLDER is written."""
    target = Path(os.path.abspath(folder))
    return target.with_name(f"{target.name}.writing")


def abandon(folder: str) -> None:
    """Removes what `begin` made."""
    shutil.rmtree(beside(folder), ignore_errors=True)


def finish(folder: str) -> list[dict[str, object]]:
    """Brings the new folder to the disk, and then in FOLDER's place; returns its files.

    At any time FOLDER, or FOLDER.previous where the file system can't swap two folders at once, is whole.
    """
    fresh = beside(folder)
    files = [_describe(fresh, path) for path in sorted(fresh.rglob("*")) if path.is_file()]
    manifest = fresh / MANIFEST
    manifest.write_text(json.dumps({"format": 1, "files": files}, indent=2) + "\n", encoding="utf-8")
    _sync(manifest)
    for path in [fresh, *fresh.rglob("*")]:
        if path.is_dir():
            _sync(path)
    _replace(fresh, Path(os.path.abspath(folder)))
    return files


def locate(folder: str) -> Path:
    """The whole checkpoint at a path, its files verified; `checkpoint_broken` if there is none."""
    target = Path(os.path.abspath(folder))
    root = target if target.exists() else target.with_name(f"{target.name}.previous")
    try:
        files = json.loads((root / MANIFEST).read_text(encoding="utf-8"))["files"]
        for entry in files:
            path = root / entry["name"]
            if path.stat().st_size != entry["bytes"] or digest_of(path) != entry["sha256"]:
                raise TrainerError("checkpoint_broken", f"{path} is not the file that was saved; take an older checkpoint")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainerError("checkpoint_broken", f"{folder} is not a whole checkpoint ({error}); take an older one") from error
    return root


def _describe(root: Path, path: Path) -> dict[str, object]:
    _sync(path)
    return {"name": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "sha256": digest_of(path)}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(fresh: Path, target: Path) -> None:
    previous = target.with_name(f"{target.name}.previous")
    if not target.exists():
        os.rename(fresh, target)
    elif _exchange(fresh, target):
        shutil.rmtree(fresh, ignore_errors=True)
    else:
        shutil.rmtree(previous, ignore_errors=True)
        os.rename(target, previous)
        os.rename(fresh, target)
    _sync(target.parent)
    shutil.rmtree(previous, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two folders at once (Linux); False where the kernel or the file system can't."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0
