"""Questions to scripted servers, over gRPC or REST."""

import pytest

from export.client import ServerError, predict


def ask(server, images=(b"cat",), first_wait=0.01, **settings):
    """The predictions of a server for some images."""
    return predict(images, url=server.url, first_wait=first_wait, **settings)


def fault(server, images=(b"cat",), **settings):
    """The one line that tells what went wrong."""
    with pytest.raises(ServerError) as caught:
        ask(server, images, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)
