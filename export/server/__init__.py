"""A development server for exported models: not TensorFlow Serving.

It speaks TensorFlow Serving's REST API, so that a client can be written and
tried on a machine that has no more than this project's requirements. What it
answers has been compared with 186 answers of TensorFlow Serving itself:
`tests/contract/test_recorded_answers.py` lists the few that differ, each with
its reason.

Models run in a TF1 Session, which restores a SavedModel as the C++ server
does. The way of a request:

    http/       connections, routes, bodies; how many run and how many wait
    methods/    predict, classify, regress: JSON -> model -> JSON, in a thread
    json/       the request's JSON within bounds, its tensors, the answer's JSON
    models/     versions from discovery to the end, and their signatures

Where it is known to differ from TensorFlow Serving:

- no gRPC, batching or reloading of the models config; a version that failed to
  load is passed over and not tried again until it has been away; requests are
  answered while the first is loading;
- HEAD is GET without a body, / leads to the page, and requests of foreign pages
  are refused with 403;
- bodies over 64 MiB are refused with 413 (there: 100 MB, unpacked), requests
  beyond those that may wait with 503 (there they all wait), and bodies that
  come too slowly with 408;
- JSON is one UTF-8 document of 100 levels and 4 million values at most: 15
  images of 256 x 256 x 3 as numbers;
- tensors have 32 dimensions at most (there: 254);
- an assertion of a graph is answered by its sentence alone, without the node;
- warm-up records for other methods than predict are refused.
"""
