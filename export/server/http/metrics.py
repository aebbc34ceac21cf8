"""Counts of requests, as TensorFlow Serving names and writes them."""

import bisect
import collections
from collections.abc import Iterable, Mapping, Sequence

# The buckets of the latencies are in microseconds, up to some 20 minutes.
_BOUNDS = [10 * 1.8**i for i in range(33)]
_PREFIX = ":tensorflow:serving:"


class Metrics:
    """What Prometheus asks for.

    Used in the event loop only.
    """

    def __init__(self) -> None:
        self._answered = collections.Counter()
        self._images = collections.Counter()
        self._responses = collections.Counter()
        # {(model, method): counts of the buckets, the last without a bound}
        self._latencies = {}
        self._sums = collections.defaultdict(float)

    def note_response(self, status: int) -> None:
        """Counts an HTTP response of any kind."""
        self._responses[status] += 1

    def note_request(
        self, model: str, method: str, code: str, seconds: float, images: int
    ) -> None:
        """Counts a request that runs a model.

        Args:
            model: its name.
            method: "predict", "classify" or "regress".
            code: "OK" or another name of google.rpc.Code.
            seconds: from the headers to the answer.
            images: in the request.
        """
        self._answered[model, code] += 1
        self._images[model] += images
        key = model, method
        counts = self._latencies.setdefault(key, [0] * (len(_BOUNDS) + 1))
        microseconds = 1e6 * seconds
        counts[bisect.bisect_left(_BOUNDS, microseconds)] += 1
        self._sums[key] += microseconds

    def text(self) -> str:
        """All of them, in Prometheus' text format 0.0.4."""
        lines = [
            *_counter(
                f"{_PREFIX}request_count",
                ("model_name", "status"),
                self._answered,
            ),
            *_counter(
                f"{_PREFIX}request_example_count_total",
                ("model",),
                {(model,): n for model, n in self._images.items()},
            ),
            f"# TYPE {_PREFIX}request_latency histogram",
        ]
        for key, counts in sorted(self._latencies.items()):
            labels = f"{_labels(('model_name', 'API'), key)},"
            labels += 'entrypoint="REST"'
            name, total = f"{_PREFIX}request_latency", 0
            for bound, count in zip(
                [*_BOUNDS, float("inf")], counts, strict=True
            ):
                total += count
                le = "+Inf" if bound == float("inf") else f"{bound:g}"
                lines.append(f'{name}_bucket{{{labels},le="{le}"}} {total}')
            lines.append(f"{name}_sum{{{labels}}} {self._sums[key]:.0f}")
            lines.append(f"{name}_count{{{labels}}} {total}")
        lines += _counter(
            "alexnet_dev_http_responses_total",
            ("code",),
            {(code,): n for code, n in self._responses.items()},
        )
        return "\n".join([*lines, ""])


def _counter(
    name: str, labels: Sequence[str], values: Mapping[tuple, int]
) -> list[str]:
    return [
        f"# TYPE {name} counter",
        *(
            f"{name}{{{_labels(labels, key)}}} {n}"
            for key, n in sorted(values.items())
        ),
    ]


def _labels(names: Sequence[str], values: Iterable[object]) -> str:
    escaped = [
        str(v).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        for v in values
    ]
    pairs = zip(names, escaped, strict=True)
    return ",".join(f'{name}="{value}"' for name, value in pairs)
