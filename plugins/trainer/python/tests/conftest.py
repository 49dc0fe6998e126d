import sys
from pathlib import Path

import pytest
import torch
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
torch.set_num_threads(1)
logging.disable_progress_bar()


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from helpers import write_tokenizer

    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"))
