"""Compile one Typst folder in a process of its own; run by `jobs.paper`, never imported by it.

Arguments: the folder (main.typ, data.json, pictures), the seconds of processor it may use, the bytes of memory.
The PDF is left in the folder as out.pdf. Anything wrong goes to the error stream, with a return code that is not 0.
"""

from __future__ import annotations

import sys
from pathlib import Path

FILE_LIMIT = 256 * 1024 * 1024


def limit(seconds: int, memory: int) -> None:
    """Bound processor, memory and file size before the compiler is loaded. Windows has no such limits: the parent's clock decides there."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(folder: Path) -> None:
    """Compile folder/main.typ with the fonts of the wheel, no system fonts, no packages; the folder is all it may read."""
    import typst

    empty = folder / "no-packages"
    empty.mkdir()
    compiler = typst.Compiler(
        input=str(folder / "main.typ"),
        root=str(folder),
        font_paths=typst.Fonts(include_system_fonts=False),
        ignore_system_fonts=True,
        package_path=str(empty),
        package_cache_path=str(empty),
    )
    target = str(folder / "out.pdf")
    try:
        _, warnings = compiler.compile_with_warnings(output=target, format="pdf", pdf_standards="ua-1")
    except typst.TypstError as error:
        # A name with a sign no font draws (an emoji) cannot claim the accessibility norm; the family still gets its letter.
        if "could not be displayed" not in error.message:
            raise
        _, warnings = compiler.compile_with_warnings(output=target, format="pdf")
    for warning in warnings:
        sys.stderr.write(f"warning: {warning.message}\n")


if __name__ == "__main__":
    limit(int(sys.argv[2]), int(sys.argv[3]))
    main(Path(sys.argv[1]))
