# make train    sets up .venv and runs the main job
# make lint     sets up .venv and runs the linters
# make test     the same, then the test suite
# make gpu-check   sets up .venv and prints what holds on this machine's GPUs;
#               GPU_CHECK_FLAGS=--rows=pinned,lrn: benchmarks/gpu_check.py
# make serve    starts TensorFlow Serving, in Docker, on the exported model;
#               EXPORT_DIR=, BATCHING=true: export/tf_serving/README.md
# make verify-serving   waits for the model, then runs the contract tests on it
# make stop-serving     ends the server and removes its container

PYTHON ?= python3
VENV ?= .venv
HAS_NVIDIA := $(wildcard /dev/nvidia0 /proc/driver/nvidia/version)
REQUIREMENTS ?= $(if $(HAS_NVIDIA),requirements.txt,requirements-cpu.txt)
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed-$(notdir $(REQUIREMENTS))
DEV := $(INSTALLED)-dev

EXPORT_DIR ?= exports/alexnet
BATCHING ?= false
TFS_IMAGE ?= tensorflow/serving:2.21.0
TFS_URL ?= http://localhost:8501
DOCKER_FLAGS ?=
GPU_CHECK_FLAGS ?=
CONTAINER := alexnet-serving

.PHONY: train lint test gpu-check serve verify-serving stop-serving clean

train: $(INSTALLED)
	$(RUN) main.py --mode=train

lint: $(DEV)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pyright --pythonpath $(RUN)
	$(VENV)/bin/lint-imports --no-logo

test: lint
	$(RUN) -m pytest -n 2 --dist loadfile --durations=40

gpu-check: $(INSTALLED)
	$(RUN) -m benchmarks.gpu_check $(GPU_CHECK_FLAGS)

# Plain `docker run`, since not every Docker has the compose plugin. The options
# are those of export/tf_serving/compose.yaml; a test compares them. As the user who
# calls: who wrote the export can read it.
serve:
	@case "$(BATCHING)" in true|false) ;; *) echo \
	"serve: BATCHING=$(BATCHING): give true or false" >&2; exit 2;; esac
	@ls "$(EXPORT_DIR)"/[0-9]*/saved_model.pb >/dev/null 2>&1 || { echo \
	"serve: there is no exported model in $(EXPORT_DIR): run python main.py \
	--mode=export --export_dir=$(EXPORT_DIR)" >&2; exit 2; }
	@docker version >/dev/null 2>&1 || { echo \
	"serve: no Docker daemon answers; python main.py --mode=serve \
	--export_dir=$(EXPORT_DIR) does without" >&2; exit 2; }
	@docker rm --force $(CONTAINER) >/dev/null 2>&1 || true
	docker run --detach --name $(CONTAINER) --init --read-only --tmpfs /tmp \
	--cap-drop ALL --security-opt no-new-privileges:true \
	--user "$$(id -u):$$(id -g)" \
	--publish 127.0.0.1:8500:8500 --publish 127.0.0.1:8501:8501 \
	--mount "type=bind,source=$$(cd "$(EXPORT_DIR)" && \
	pwd),target=/models/alexnet,readonly" \
	--mount "type=bind,source=$$(pwd)/export/tf_serving,target=/config,readonly" \
	--entrypoint tensorflow_model_server $(DOCKER_FLAGS) $(TFS_IMAGE) \
	--port=8500 --rest_api_port=8501 --rest_api_timeout_in_ms=30000 \
	--model_config_file=/config/models.config \
	--model_config_file_poll_wait_seconds=30 \
	--allow_version_labels_for_unavailable_models=true \
	--max_num_load_retries=0 \
	--monitoring_config_file=/config/monitoring.config \
	--enable_batching=$(BATCHING) --batching_parameters_file=$(if \
	$(filter true,$(BATCHING)),/config/batching.config)
	@echo "$(CONTAINER) loads the model: make verify-serving waits for it," \
	"docker logs $(CONTAINER) tells what it does, make stop-serving ends it"

verify-serving: $(DEV)
	$(RUN) -m export.wait_until_available "$(TFS_URL)" alexnet --timeout 120
	TFS_URL="$(TFS_URL)" $(RUN) -m pytest tests/contract

stop-serving:
	docker rm --force $(CONTAINER)

# The pip that old Pythons bring searches for minutes and knows no groups: it is
# upgraded first.
$(INSTALLED): $(REQUIREMENTS)
	@echo "$(if $(HAS_NVIDIA),NVIDIA device found,no NVIDIA device found): \
	installing $(REQUIREMENTS) (REQUIREMENTS=FILE overrides)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and \
	"Python 3.10 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet --requirement $(REQUIREMENTS)
	touch $@

$(DEV): $(INSTALLED) pyproject.toml
	$(RUN) -m pip install --quiet --group dev
	touch $@

clean:
	rm -rf $(VENV)
