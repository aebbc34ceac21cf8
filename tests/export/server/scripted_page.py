"""A server that has the page and answers its requests as it is told."""

import base64
import json
import threading
import urllib.parse

from export.server.http.ui_files import BASE_STYLE, FILES, FOLDER
from tests.export.client.scripted_rest import (
    STATUS,
    Answer,
    Handler,
    ScriptedServer,
)

NO_CROPS = Answer(
    400, {"error": 'Serving signature name: "crops" not found in signature def'}
)


def ranking(*classes, valid=True):
    """The answer of `serving_default` for an image."""
    scores = [0.5 / 2**i for i in range(len(classes))]
    row = {"classes": classes, "scores": scores, "valid": valid}
    return Answer(body={"predictions": [row]})


class Held:
    """Gives an answer once it is released."""

    def __init__(self, answer):
        self._answer = answer
        self._released = threading.Event()

    def release(self):
        self._released.set()

    def give(self, handler):
        self._released.wait(60)
        self._answer.give(handler)


class _Handler(Handler):
    protocol_version = "HTTP/1.0"  # a stopped server answers nobody

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        signature, [image] = body["signature_name"], body["instances"]
        content = base64.b64decode(image["b64"])
        self.server.posts.append((self.path, signature, content))
        if signature == "crops":
            answer = self.server.crops
        elif self.server.script:
            answer = self.server.script.pop(0)
        else:
            answer = ranking(content.decode(), "another")
        answer.give(self)


class ScriptedPage(ScriptedServer):
    """Gives the answers of `script`, then those of working models.

    These find in every file the class that its content names, and have no
    crops.

    Attributes:
        crops: answer to requests for crops.
        posts: (path, signature, content of the file) of what came.

    Args:
        models: their names.
        port: number; 0 takes a free one.
    """

    def __init__(self, *models, port=0):
        super().__init__(port)
        self.RequestHandlerClass = _Handler
        self.crops = NO_CROPS
        self.questions["/ui/models.json"] = Answer(body={"models": models})
        for name, (file, kind) in FILES.items():
            path = BASE_STYLE if name == BASE_STYLE.name else FOLDER / file
            answer = Answer(body=path.read_bytes(), kind=kind)
            self.questions[f"/ui/{name}"] = answer
        signatures = {"signature_def": {"serving_default": {}, "crops": {}}}
        metadata = {"metadata": {"signature_def": signatures}}
        for model in models:
            path = f"/v1/models/{urllib.parse.quote(model, safe='')}"
            self.questions[path] = Answer(body=STATUS)
            self.questions[f"{path}/metadata"] = Answer(body=metadata)
