"""More than four arguments of a constructor are told apart by their names."""

import ast
import pathlib

MOST = 4
ROOT = pathlib.Path(__file__).parents[1]
ROOMS = ("alexnet_tf", "configs", "export", "modes")


def classes():
    """(path, class) of all classes of the program."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    yield path.relative_to(ROOT), node


def positional(node):
    """How many arguments the constructor of a class takes without names."""
    decorators = [ast.unparse(d) for d in node.decorator_list]
    if any("dataclass" in d for d in decorators):
        if any("kw_only=True" in d for d in decorators):
            return 0
        fields = [f for f in node.body if isinstance(f, ast.AnnAssign)]
        names = [ast.unparse(f.annotation) for f in fields]
        if "dataclasses.KW_ONLY" in names:
            return names.index("dataclasses.KW_ONLY")
        return len(fields)
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            return len(method.args.args) - 1
    return 0


def test_a_constructor_takes_few_arguments_by_their_place():
    found = {node.name: positional(node) for _, node in classes()}
    assert found["Plan"] == 0  # the walk sees dataclasses
    assert found["TrainingBatches"] == 2  # and methods
    configs = {n.name for p, n in classes() if p.parts[0] == "configs"}
    many = {n for n, count in found.items() if count > MOST} - configs
    assert not many
