"""The page of the development server in a browser, as its user sees it."""

import base64
import dataclasses
import json
import pathlib
import urllib.request

SECONDS = 30

_SEND = """
const [kind, target, name, encoded] = arguments;
const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
const data = new DataTransfer();
if (name) data.items.add(new File([bytes], name));
else data.setData("text/plain", "no file");
const init = { bubbles: true, cancelable: true };
const event =
  kind === "paste"
    ? new ClipboardEvent(kind, { ...init, clipboardData: data })
    : new DragEvent(kind, { ...init, dataTransfer: data });
document.querySelector(target).dispatchEvent(event);
return event.defaultPrevented;
"""
_CROPS = """
return [...document.querySelectorAll("#crops > li")].map((crop) => {
  const image = crop.querySelector("img");
  return {
    caption: crop.querySelector(".name").innerText,
    alt: image.alt,
    width: image.naturalWidth,
    height: image.naturalHeight,
    file: image.src.split("base64,")[1],
  };
});
"""


@dataclasses.dataclass(frozen=True)
class Crop:
    """A crop that the page shows; `file` is the JPEG's bytes."""

    caption: str
    alt: str
    width: int
    height: int
    file: bytes


def answer_of(server, signature, content):
    """What the REST interface says of an image."""
    b64 = base64.b64encode(content).decode()
    body = {"signature_name": signature, "instances": [{"b64": b64}]}
    request = urllib.request.Request(
        f"{server}/v1/models/alexnet:predict", json.dumps(body).encode()
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["predictions"][0]


class Page:
    """The page at a server.

    Args:
        driver: of selenium.
        url: of the server.
    """

    def __init__(self, driver, url):
        self.driver = driver
        driver.get(f"{url}/ui/")
        self.wait_for_answer()

    def element(self, name):
        """The element with an id."""
        return self.driver.find_element("id", name)

    def text(self, name):
        """The visible text of the element with an id."""
        return self.element(name).text

    def run(self, script, *arguments):
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def wait_until(self, condition):
        """Waits until a function returns something true."""
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(self.driver, SECONDS, poll_frequency=0.02)
        wait.until(lambda _: condition())

    def wait_for_answer(self):
        """Waits until the page waits for its user."""
        self.wait_until(
            lambda: self.run(
                "return document.readyState === 'complete' "
                "&& !document.body.classList.contains('asking')"
            )
        )

    def wait_for_inside(self):
        """Waits until all that happens inside is shown."""
        self.wait_until(
            lambda: self.run(
                "return !document.body.classList.contains('looking')"
            )
        )

    def choose(self, file):
        """Chooses a file as in the browser's dialog, and waits."""
        self.start_choosing(file)
        self.wait_for_answer()

    def start_choosing(self, file):
        """Chooses a file and does not wait for the answer."""
        self.element("photograph").send_keys(str(pathlib.Path(file).resolve()))

    def send(self, kind, target, name=None, content=b""):
        """Drops or pastes a file, or a text, and waits.

        Args:
            kind: "drop" or "paste".
            target: selector of the element that receives it.
            name: of the file; without one a text is sent.
            content: bytes of the file.

        Returns:
            Whether the browser was kept from opening the file itself.
        """
        encoded = base64.b64encode(content).decode()
        prevented = self.run(_SEND, kind, target, name, encoded)
        self.wait_for_answer()
        return prevented

    def press(self, *keys):
        """Presses keys where the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def focus(self):
        """The id of the element that has the focus, or None."""
        return self.run("return document.activeElement.id") or None

    def bars(self):
        """[(class, exact probability, its text)], as shown."""
        if not self.element("classes").is_displayed():
            return []
        rows = self.driver.find_elements("css selector", "#bars tr")
        return [
            (
                row.find_element("tag name", "th").text,
                float(
                    row.find_element("tag name", "data").get_property("value")
                ),
                row.find_element("tag name", "data").text.replace("\xa0", " "),
            )
            for row in rows
        ]

    def crops(self):
        """The `Crop`s that are shown."""
        if not self.element("views").is_displayed():
            return []
        self.wait_until(
            lambda: self.run(
                "return [...document.images].every((image) => image.complete)"
            )
        )
        return [
            Crop(**{**crop, "file": base64.b64decode(crop["file"])})
            for crop in self.run(_CROPS)
        ]

    def take_log(self, count):
        """Waits for so many messages of the browser and empties its log."""
        messages = []

        def all_there():
            messages.extend(
                entry["message"] for entry in self.driver.get_log("browser")
            )
            return len(messages) >= count

        self.wait_until(all_there)
        return messages
