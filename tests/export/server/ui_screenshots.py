"""Pictures of the page, to be looked at; a program.

    python -m tests.export.server.ui_screenshots URL PHOTOGRAPH FOLDER

URL is that of a running server, such as http://127.0.0.1:8501. Writes
desktop-light.png, desktop-dark.png, phone-light.png and phone-dark.png.
"""

import base64
import pathlib
import sys

from tests.browser import prefer, resize, start_browser
from tests.export.server.ui_page import Page

SIZES = {"desktop": (1280, 900), "phone": (390, 800)}


def main(url, photograph, folder):
    """Shows the page a photograph and writes the pictures."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    driver = start_browser(*SIZES["desktop"])
    try:
        Page(driver, url).choose(photograph)
        for device, size in SIZES.items():
            resize(driver, *size)
            for scheme in ("light", "dark"):
                prefer(driver, scheme, reduced_motion="reduce")
                file = folder / f"{device}-{scheme}.png"
                file.write_bytes(_whole_page(driver))
                print(file)
    finally:
        driver.quit()


def _whole_page(driver):
    picture = driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"captureBeyondViewport": True}
    )
    return base64.b64decode(picture["data"])


if __name__ == "__main__":
    main(*sys.argv[1:])
