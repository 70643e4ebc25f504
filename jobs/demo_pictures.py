"""The logo and the stamp of the demonstration's first school, drawn when it is loaded: a linden leaf, and a round stamp."""

from __future__ import annotations

import io
import math
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from models import files, school_files
from models.base import fold

GREEN, PALE, BLUE = (46, 92, 58), (226, 238, 224), (38, 60, 132)
SIDE = 480


@cache
def _leaf() -> bytes:
    """A heart-shaped leaf on a disc, drawn twice as large and brought down, so that its edges are smooth."""
    big = Image.new("RGBA", (2 * SIDE, 2 * SIDE), (255, 255, 255, 0))
    draw = ImageDraw.Draw(big)
    draw.ellipse((10, 10, 2 * SIDE - 10, 2 * SIDE - 10), fill=PALE, outline=GREEN, width=22)
    heart = [
        (
            SIDE + 17.5 * (16 * math.sin(t) ** 3),
            SIDE - 10 + 19 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)),
        )
        for t in (step * math.tau / 240 for step in range(240))
    ]
    draw.polygon(heart, fill=GREEN)
    foot, tip = (SIDE, SIDE + 360), (SIDE, SIDE - 290)
    draw.line((foot, (SIDE, SIDE + 105)), fill=GREEN, width=20)
    draw.line(((SIDE, SIDE + 108), tip), fill=PALE, width=14)
    for along, reach in ((0.25, 150), (0.45, 185), (0.65, 130)):
        y = tip[1] + (SIDE + 200 - tip[1]) * along
        for side in (-1, 1):
            draw.line(((SIDE, y + 90), (SIDE + side * reach, y - 20)), fill=PALE, width=10)
    return _png(big.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def logo() -> str:
    """The digest of the logo, kept."""
    return files.keep_by_content(school_files.clean(_leaf()))


def _capitals(text: str) -> str:
    """Without accents: the font that comes with Pillow has none."""
    return fold(text).upper()


@cache
def _seal(name: str, town: str) -> bytes:
    """Two rings with the name of the school around, and its town across, in stamp ink, a little askew."""
    big = Image.new("RGBA", (2 * SIDE, 2 * SIDE), (255, 255, 255, 0))
    draw = ImageDraw.Draw(big)
    for inset, width in ((14, 18), (180, 8)):
        draw.ellipse((inset, inset, 2 * SIDE - inset, 2 * SIDE - inset), outline=BLUE, width=width)
    font = ImageFont.load_default(92)
    text = f"{_capitals(name)} - "
    for place, sign in enumerate(text):
        angle = place * 360 / len(text) - 90
        one = Image.new("RGBA", (120, 120), (255, 255, 255, 0))
        ImageDraw.Draw(one).text((60, 60), sign, font=font, fill=BLUE, anchor="mm")
        at = [SIDE + round(385 * turn(math.radians(angle - 90))) - 60 for turn in (math.cos, math.sin)]
        big.alpha_composite(one.rotate(-angle, Image.Resampling.BICUBIC), (at[0], at[1]))
    lines = _capitals(town).replace("-LES-", "\nLES\n").split("\n")
    for line, part in enumerate(lines):
        draw.text((SIDE, SIDE + 84 * (line - (len(lines) - 1) / 2)), part, font=ImageFont.load_default(76), fill=BLUE, anchor="mm")
    return _png(big.rotate(7).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def stamp(name: str, town: str) -> str:
    """The digest of the stamp, kept."""
    return files.keep_by_content(school_files.clean(_seal(name, town)))


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
