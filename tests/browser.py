"""Chromium without a window, for the page of the development server."""

import shutil

DESKTOP, PHONE = (1280, 900), (390, 800)  # pixels
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def start_browser(width, height):
    """A selenium driver of a new Chromium, which keeps its log.

    Raises:
        ImportError: selenium is not installed.
        FileNotFoundError: Chromium or its driver is not installed.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _program(*BROWSERS)
    options.add_argument("--headless=new")
    options.add_argument("--no-sandbox")  # root, in a container, needs it
    options.add_argument("--disable-dev-shm-usage")
    options.add_argument("--hide-scrollbars")  # as on a phone
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(_program("chromedriver"))
    driver = webdriver.Chrome(options, service)
    resize(driver, width, height)
    return driver


def resize(driver, width, height):
    """Gives the page so many pixels; windows cannot be as narrow as phones."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": False,
        },
    )


def prefer(driver, color_scheme="light", reduced_motion="no-preference"):
    """Sets the user's preferences that the page's style asks for."""
    features = {
        "prefers-color-scheme": color_scheme,
        "prefers-reduced-motion": reduced_motion,
    }
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {
            "features": [
                {"name": name, "value": value}
                for name, value in features.items()
            ]
        },
    )


def _program(*names):
    for name in names:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(
        f"{names[0]} is not installed: apt-get install chromium chromium-driver"
    )
