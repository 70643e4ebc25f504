"""The windows that the look promises, and how to measure one."""

from playwright.sync_api import Page

DESK, PHONE, NARROW = (1280, 800), (390, 844), (320, 700)


def resize(page: Page, size: tuple[int, int]) -> None:
    """Give the window of a page that size."""
    page.set_viewport_size({"width": size[0], "height": size[1]})


def overflow(page: Page) -> int:
    """By how many pixels the page scrolls sideways."""
    page.wait_for_load_state("load")  # measured with its style sheets, however busy the machine
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
