"""Whether each letter's QR can be read from the picture of its page."""

from __future__ import annotations

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zxingcpp
from PIL import Image

DPI = 100
PAGES = 125  # of one call of pdftoppm


def unread(pdf: Path, count: int) -> int:
    """How many of the `count` pages hold no readable QR, or the QR of another page. Needs poppler-utils."""

    def read(first: int) -> set[str]:
        with tempfile.TemporaryDirectory() as folder:
            last = min(first + PAGES - 1, count)
            command = ["pdftoppm", "-r", str(DPI), "-gray", "-f", str(first), "-l", str(last), str(pdf), f"{folder}/page"]
            subprocess.run(command, check=True, capture_output=True)
            pictures = sorted(Path(folder).glob("page*.pgm"))
            return {found.text for picture in pictures for found in zxingcpp.read_barcodes(Image.open(picture))}

    with ThreadPoolExecutor(2) as pool:
        return count - len(set().union(*pool.map(read, range(1, count + 1, PAGES))))
