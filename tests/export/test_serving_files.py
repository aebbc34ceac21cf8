"""The files of export/tf_serving agree with TF Serving and each other."""

import http.server
import json
import re
import subprocess
import threading

import pytest
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

from export.image_batch import MOST_IMAGES
from export.messages import ModelServerConfig
from export.warmup import BATCH_SIZES
from tests.compose_file import ROOT, SERVING, compose_service, flags_of

# Of `tensorflow_model_server --help`.
FLAGS = {
    "allow_version_labels_for_unavailable_models",
    "batching_parameters_file",
    "enable_batching",
    "file_system_poll_wait_seconds",
    "max_num_load_retries",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "monitoring_config_file",
    "port",
    "rest_api_port",
    "rest_api_timeout_in_ms",
    "tensorflow_inter_op_parallelism",
    "tensorflow_intra_op_parallelism",
}
FIELD = descriptor_pb2.FieldDescriptorProto
INT64 = ".google.protobuf.Int64Value"
# {message: {field: (number, label, type or message)}}, from TensorFlow
# Serving's session_bundle_config.proto and monitoring_config.proto, which
# tensorflow-serving-api leaves out.
MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": (1, FIELD.LABEL_OPTIONAL, INT64),
        "batch_timeout_micros": (2, FIELD.LABEL_OPTIONAL, INT64),
        "max_enqueued_batches": (3, FIELD.LABEL_OPTIONAL, INT64),
        "num_batch_threads": (4, FIELD.LABEL_OPTIONAL, INT64),
        "thread_pool_name": (
            5,
            FIELD.LABEL_OPTIONAL,
            ".google.protobuf.StringValue",
        ),
        "allowed_batch_sizes": (6, FIELD.LABEL_REPEATED, FIELD.TYPE_INT64),
        "pad_variable_length_inputs": (
            7,
            FIELD.LABEL_OPTIONAL,
            FIELD.TYPE_BOOL,
        ),
    },
    "PrometheusConfig": {
        "enable": (1, FIELD.LABEL_OPTIONAL, FIELD.TYPE_BOOL),
        "path": (2, FIELD.LABEL_OPTIONAL, FIELD.TYPE_STRING),
    },
    "MonitoringConfig": {
        "prometheus_config": (
            1,
            FIELD.LABEL_OPTIONAL,
            ".serving.PrometheusConfig",
        ),
    },
}


def message(name):
    """An empty message of MESSAGES."""
    file = descriptor_pb2.FileDescriptorProto(
        name="serving.proto",
        package="serving",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    for message_name, fields in MESSAGES.items():
        added = file.message_type.add(name=message_name)
        for field, (number, label, kind) in fields.items():
            added.field.add(name=field, number=number, label=label).MergeFrom(
                FIELD(type=kind)
                if isinstance(kind, int)
                else FIELD(type=FIELD.TYPE_MESSAGE, type_name=kind)
            )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"serving.{name}")
    )()


@pytest.fixture(scope="module")
def model():
    """The one model of models.config."""
    text = (SERVING / "models.config").read_text()
    config = ModelServerConfig()
    text_format.Parse(text, config)
    [model] = config.model_config_list.config
    return model


@pytest.fixture(scope="module")
def batching():
    return text_format.Parse(
        (SERVING / "batching.config").read_text(),
        message("BatchingParameters"),
    )


@pytest.fixture(scope="module")
def metrics_path():
    config = text_format.Parse(
        (SERVING / "monitoring.config").read_text(),
        message("MonitoringConfig"),
    )
    assert config.prometheus_config.enable
    return config.prometheus_config.path


@pytest.fixture(scope="module")
def kubernetes():
    """{kind: object} of kubernetes.yaml."""
    text = (SERVING / "kubernetes.yaml").read_text()
    objects = list(yaml.safe_load_all(text))
    kinds = {o["kind"]: o for o in objects}
    assert len(kinds) == len(objects)
    return kinds


@pytest.fixture(scope="module")
def pod(kubernetes):
    return kubernetes["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod):
    [container] = pod["containers"]
    return container


def test_any_export_can_be_served(model):
    assert model.name == "alexnet"
    assert model.model_platform == "tensorflow"
    # A version that is named here may not exist in the export folder.
    assert not model.HasField("model_version_policy")
    assert not model.version_labels


@pytest.mark.parametrize(
    "wrong",
    ["max_batch_size: 32", "max_batchsize { value: 32 }", "max_batch_size {x}"],
)
def test_the_definition_refuses_what_the_server_refuses(wrong):
    with pytest.raises(text_format.ParseError):
        text_format.Parse(wrong, message("BatchingParameters"))


def test_batch_sizes(batching):
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == list(BATCH_SIZES)
    assert sizes == sorted(set(sizes))
    # TensorFlow Serving does not start otherwise.
    assert sizes[-1] == batching.max_batch_size.value
    assert sizes[-1] <= MOST_IMAGES


def test_waiting_for_company_is_short_beside_the_work(batching):
    assert 0 < batching.batch_timeout_micros.value <= 10_000
    assert batching.num_batch_threads.value > 0
    assert batching.max_enqueued_batches.value > 0


@pytest.mark.parametrize("environment", [{}, {"BATCHING": "true"}])
def test_flags_of_compose(environment, model, batching):
    service = compose_service(**environment)
    assert service["entrypoint"] == ["tensorflow_model_server"]
    flags = flags_of(service["command"])
    assert {name.removeprefix("--") for name in flags} <= FLAGS
    mounts = {m["target"]: m for m in service["volumes"]}
    assert (SERVING / mounts["/config"]["source"]).resolve() == SERVING
    export_dir = SERVING / mounts[model.base_path]["source"]
    assert export_dir.resolve() == ROOT / "exports" / "alexnet"
    assert all(mount["read_only"] for mount in mounts.values())
    for name, value in flags.items():
        if name.endswith("_file") and value:
            assert value.startswith("/config/")
            assert (SERVING / value.removeprefix("/config/")).is_file()
    # The server ends at once if the file is named without batching.
    expected = ("true", "/config/batching.config")
    assert (
        flags["--enable_batching"],
        flags["--batching_parameters_file"],
    ) == (expected if environment else ("false", ""))
    for port in (flags["--port"], flags["--rest_api_port"]):
        assert f"127.0.0.1:{port}:{port}" in service["ports"]


def test_compose_takes_another_export_and_image():
    service = compose_service(EXPORT_DIR="/my/export", TFS_IMAGE="mine:1")
    assert service["image"] == "mine:1"
    assert "/my/export" in [mount["source"] for mount in service["volumes"]]


def test_one_tag_of_the_image(container):
    tag = r"tensorflow/serving:([\d.]+)"
    named = {
        path.name: re.findall(tag, path.read_text())
        for path in (
            SERVING / "compose.yaml",
            SERVING / "Dockerfile",
            ROOT / "Makefile",
        )
    }
    assert all(named.values())
    assert {t for tags in named.values() for t in tags} == {"2.21.0"}
    # Exports are made with the same TensorFlow.
    assert "tensorflow-cpu>=2.21,<2.22" in (
        ROOT / "requirements-cpu.txt"
    ).read_text().split("\n")
    assert f"--tag {container['image']} " in (
        SERVING / "Dockerfile"
    ).read_text().replace("\n", " ")


def test_the_image_holds_the_model_where_it_is_looked_for(model, pod):
    lines = (SERVING / "Dockerfile").read_text().splitlines()
    [copy] = [line for line in lines if line.startswith("COPY")]
    user = f"{pod['securityContext']['runAsUser']}:"
    user += str(pod["securityContext"]["runAsGroup"])
    assert copy == f"COPY --chown={user} . {model.base_path}/"
    assert f"USER {user}" in lines
    assert compose_service()["user"] == user


def test_flags_of_kubernetes(container):
    flags = flags_of(container["args"])
    assert {name.removeprefix("--") for name in flags} <= FLAGS
    threads = {
        flags.pop(f"--tensorflow_{kind}_op_parallelism")
        for kind in ("intra", "inter")
    }
    assert threads == {container["resources"]["requests"]["cpu"]}
    elsewhere = flags_of(compose_service()["command"])
    for name in ("--enable_batching", "--batching_parameters_file"):
        elsewhere.pop(name)
    assert flags == elsewhere
    assert container["command"] == ["tensorflow_model_server"]


def test_config_map_holds_the_files(container, pod):
    kustomization = yaml.safe_load((SERVING / "kustomization.yaml").read_text())
    assert kustomization["resources"] == ["kubernetes.yaml"]
    [generated] = kustomization["configMapGenerator"]
    assert {SERVING / name for name in generated["files"]} == set(
        SERVING.glob("*.config")
    )
    volumes = {v["name"]: v for v in pod["volumes"]}
    mounts = {m["mountPath"]: m for m in container["volumeMounts"]}
    used = volumes[mounts["/config"]["name"]]
    assert used["configMap"]["name"] == generated["name"]
    for value in flags_of(container["args"]).values():
        if value.startswith("/config/"):
            assert value.removeprefix("/config/") in generated["files"]


def test_kubernetes_finds_the_pods(kubernetes):
    deployment = kubernetes["Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert kubernetes["Service"]["spec"]["selector"] == labels
    budget = kubernetes["PodDisruptionBudget"]["spec"]
    assert budget["selector"]["matchLabels"] == labels
    scaler = kubernetes["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]
    # Else the budget would allow no node to be drained.
    assert scaler["minReplicas"] > budget["maxUnavailable"]


def test_kubernetes_ports(kubernetes, container):
    flags = flags_of(container["args"])
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    assert ports == {
        "grpc": int(flags["--port"]),
        "rest": int(flags["--rest_api_port"]),
    }
    for port in kubernetes["Service"]["spec"]["ports"]:
        assert port["port"] == ports[port["targetPort"]]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        [check] = [
            container[probe][kind]
            for kind in ("httpGet", "tcpSocket")
            if kind in container[probe]
        ]
        assert check["port"] in ports


def test_metrics_are_scraped_where_they_are(kubernetes, metrics_path):
    notes = kubernetes["Deployment"]["spec"]["template"]["metadata"]
    assert notes["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "8501",
        "prometheus.io/path": metrics_path,
    }


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe"])
def test_probes_tell_whether_the_model_can_be_used(container, model, probe):
    path = container[probe]["httpGet"]["path"]
    assert path == f"/v1/models/{model.name}/metadata"
    # What TensorFlow Serving answered where nothing can be used.
    recorded = json.loads(
        (ROOT / "tests/contract/recorded_answers.json").read_text()
    )
    status = {
        pair["path"]: pair["status"]
        for pair in recorded["pairs"]
        if pair["method"] == "GET"
    }
    assert status[path.replace(model.name, "toy")] == 200
    assert status[path.replace(model.name, "nope")] == 404
    assert status[path.replace(model.name, "toy/versions/9")] == 404


def test_pods_end_after_their_last_request(pod, container):
    longest = int(flags_of(container["args"])["--rest_api_timeout_in_ms"])
    assert pod["terminationGracePeriodSeconds"] * 1000 > longest


def test_the_server_has_no_rights_and_writes_nothing(pod, container):
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert not pod["automountServiceAccountToken"]
    rights = container["securityContext"]
    assert rights["readOnlyRootFilesystem"]
    assert not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"] == {"drop": ["ALL"]}
    service = compose_service()
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize(
    ("state", "healthy"),
    [("AVAILABLE", True), ("LOADING", False), ("END", False)],
)
def test_health_check_of_compose(state, healthy):
    body = json.dumps({"model_version_status": [{"state": state}]})

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == PATH else 404)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        code = run_health_check(server.server_port)
        server.shutdown()
        thread.join()
        port = server.server_port
    assert (code == 0) == healthy
    assert run_health_check(port) != 0  # now that it is gone


PATH = "/v1/models/alexnet"


def run_health_check(port):
    kind, *command = compose_service()["healthcheck"]["test"]
    assert kind == "CMD"
    assert PATH in command[-1]
    return subprocess.run(
        [argument.replace("/8501", f"/{port}") for argument in command],
        capture_output=True,
        timeout=30,
    ).returncode


def test_readme_names_the_files_and_they_exist():
    text = (SERVING / "README.md").read_text()
    for path in SERVING.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in text
    for name in re.findall(r"`([\w/]+\.\w+)`", text):
        assert any((folder / name).exists() for folder in (SERVING, ROOT)), name


def test_readme_names_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    readme = (SERVING / "README.md").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme, re.M))
    assert {"serve", "verify-serving", "stop-serving"} <= named
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, re.M)
    assert named <= set(phony.split())
    for target in named:
        assert re.search(f"^{target}:", makefile, re.M)


def test_readme_numbers_are_those_of_the_files(batching):
    readme = (SERVING / "README.md").read_text()
    assert ", ".join(map(str, BATCH_SIZES[:-1])) in readme
    assert f"{batching.max_batch_size.value} images" in readme
