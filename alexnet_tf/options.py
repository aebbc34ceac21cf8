"""What a person can ask of a mode."""

import dataclasses


@dataclasses.dataclass
class Options:
    """Values of the command line; see the flags of the same names.

    Attributes:
        config: the `ConfigDict` of --config with its overrides applied.
        config_given: whether --config stood on the command line.
        config_name: name of the recipe, such as "demo".
        against: another `ConfigDict`, of --against, or None.
        overrides: {"train.epochs": 2, ...} from --config.KEY=VALUE.
    """

    config: object
    config_given: bool = False
    config_name: str = "demo"
    overrides: dict = dataclasses.field(default_factory=dict)
    against: object = None
    run: str | None = None
    runs: tuple[str, ...] = ()
    data_dir: str | None = None
    download: bool = False
    tower_devices: str = "auto"
    crops: int = 10
    images: tuple[str, ...] = ()
    results_dir: str | None = None
    submission: str | None = None
    synsets: str | None = None
    export_dir: str = "exports/alexnet"
    format: str = "saved_model"
    precision: str = "float32"
    keep_versions: int = 0
    models_config: str | None = None
    host: str = "127.0.0.1"
    port: int = 8501
    prepared_dir: str | None = None
    record_format: str = "jpeg"
    max_rejected: float = 0.001
    weights: str | None = None
    trust_pickle: bool = False
    mean_file: str | None = None
    index_dir: str | None = None
    index_kind: str = "flat"
    index_dtype: str = "float32"
    codes: int = 0
    neighbours: int = 6
    seeds: int = 3
    figure_seed: int = 0
    json: bool = False
