"""Which method answers a request."""

from export.server.deadline import Deadline
from export.server.http.routes import Route
from export.server.json.document import read_object, shortened, shown
from export.server.json.examples import serialized_examples
from export.server.methods.classify import classify_json, regress_json
from export.server.methods.predict import predict_json
from export.server.models.model_manager import ModelManager
from export.server.models.signature import DEFAULT_SIGNATURE
from export.server.serving_error import ServingError

_ON_EXAMPLES = {"classify": classify_json, "regress": regress_json}


def answer(
    manager: ModelManager,
    route: Route,
    body: bytes | bytearray,
    deadline: Deadline,
) -> tuple[str, int]:
    """Answers a request that runs a model.

    The body is read before the model is looked for, so a broken request for
    an unknown model is told what is broken.

    Args:
        manager: has the models.
        route: what is asked for.
        body: not packed.
        deadline: ends the work.

    Returns:
        (JSON text, images or other rows that the request carried).

    Raises:
        ServingError: the request cannot be answered, or not in time.
    """
    deadline.check()
    document = read_object(body)
    deadline.check()
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise ServingError(
            f"JSON Value: {shown(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    if route.action == "predict":
        with manager.use(route) as model:
            return predict_json(model.signatures, name, document, deadline)
    examples = serialized_examples(document, deadline)
    name = name or DEFAULT_SIGNATURE
    with manager.use(route) as model:
        if name not in model.signatures:
            raise ServingError(
                f"No signature was found with the name: {shortened(name)}"
            )
        run = _ON_EXAMPLES[route.action]
        text = run(model.signatures[name], examples, deadline)
        return text, len(examples)
