"""Request lines; after the tables of TF Serving's own tests."""

import pytest

from export.server.http.routes import BadVersionError, Route, parse_route
from export.server.serving_error import ServingError


@pytest.mark.parametrize(
    ("method", "target", "route"),
    [
        ("POST", "/v1/models/m:predict", Route("predict", "m")),
        ("POST", "/v1/models/m:classify", Route("classify", "m")),
        ("POST", "/V1/MODELS/M:regress", Route("regress", "M")),
        ("POST", "/v1/models/m/versions/007:predict", Route("predict", "m", 7)),
        (
            "POST",
            "/v1/models/m/labels/a%2Fb:predict",
            Route("predict", "m", None, "a/b"),
        ),
        ("GET", "/v1/models/m", Route("status", "m")),
        ("GET", "/v1/models/a%20b%3Ac", Route("status", "a b:c")),
        ("GET", "/v1/models/m?x=1", Route("status", "m?x=1")),
        ("GET", "/v1/models/m/versions/1", Route("status", "m", 1)),
        ("GET", "/v1/models/m/labels/l", Route("status", "m", None, "l")),
        ("GET", "/v1/models/m/metadata", Route("metadata", "m")),
        ("GET", "/v1/models/m/Metadata", Route("status", "m")),
        ("GET", "/v1/models/m/versions/1/metadata", Route("metadata", "m", 1)),
        (
            "GET",
            f"/v1/models/m/versions/{2**63 - 1}",
            Route("status", "m", 2**63 - 1),
        ),
    ],
)
def test_requests(method, target, route):
    assert parse_route(method, target) == route


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/models/m:predict"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/m/"),
        ("GET", "/v1/models/m/versions/"),
        ("GET", "/v1/models/m/versions/-1"),
        ("GET", "/v1/models/m/versions/\u0661"),
        ("GET", "/v1/model\u017f/m"),
        ("GET", "/v1/models/m/versions/1/labels/l"),
        ("POST", "/v1/models/m"),
        ("POST", "/v1/models/m:Predict"),
        ("POST", "/v1/models/m:predict?x=1"),
        ("POST", "/v1/models/m/metadata"),
        ("POST", "/v1/models/:predict"),
        ("PATCH", "/v1/models/m"),
    ],
)
def test_what_is_none(method, target):
    with pytest.raises(ServingError) as caught:
        parse_route(method, target)
    assert caught.value.message == f"Malformed request: {method} {target}"


def test_no_model():
    with pytest.raises(ServingError, match="Missing model name in request"):
        parse_route("GET", "/v1/models")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_version_beyond_64_bits(method):
    action = ":predict" if method == "POST" else ""
    with pytest.raises(BadVersionError):
        parse_route(method, f"/v1/models/m/versions/{2**63}{action}")
