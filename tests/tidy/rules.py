"""The house rules that linters cannot say, one function each: from a file's name and text to a list of offences.

Nothing here reads the tree; test_tree.py does, and test_rules.py shows that each rule can say no.
A new rule is a function here, a line in test_tree.py and a sample of what it forbids in test_rules.py.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LONGEST_FILE = 500
LONGEST_FUNCTION = 70
LONGEST_ROOMS = {"core": 3000, "values": 2600, "tariff": 2900, "documents": 1600}
LONGEST_RECORD = 60
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"}
ROOMS_INSIDE_THE_FACE = ("engine", "store", "documents", "tariff", "core", "values")
ROOMS_ROUND_THE_FACE = ("api", "cli", "django", "integrations", "testing", "web")
OTHER_ROOMS = ("client", "notify", "payments", "service")
# The one name in core that may say it: the database's transaction is what it is about.
TRANSACTIONS_OF_THE_DATABASE = {"UseTheOpenTransaction"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|Users|mnt|opt)/\w")
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?[^)\n]*\)")


def find_long_file(path: str, text: str) -> list[str]:
    lines = text.count("\n")
    return [f"{path}: {lines} lines, {LONGEST_FILE} at most"] if lines > LONGEST_FILE else []


def find_long_functions(path: str, text: str) -> list[str]:
    return [
        f"{path}:{node.lineno}: {node.name} has {length} lines, {LONGEST_FUNCTION} at most"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]


def find_vague_name(path: str, text: str) -> list[str]:
    parts = Path(path).with_suffix("").parts
    return [f"{path}: {part} says nothing; name it after what lives there" for part in parts if part in VAGUE_NAMES]


def find_missing_contract(path: str, text: str) -> list[str]:
    said = ast.get_docstring(ast.parse(text))
    return [] if said and len(said.split()) >= 3 else [f"{path}: opens without saying what lives there"]


def find_unfinished(path: str, text: str) -> list[str]:
    # Spelt apart so that this file does not offend itself.
    words = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    return [f"{path}:{n}: {found[0]}" for n, line in enumerate(text.splitlines(), 1) if (found := words.search(line))]


def find_machine_paths(path: str, text: str) -> list[str]:
    return [
        f"{path}:{n}: a path of one machine: {line.strip()[:80]}"
        for n, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]


def find_floats(path: str, text: str) -> list[str]:
    """Floats in core: a literal, `float(…)`, or a true division, which makes one of two integers."""
    offences = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            offences.append(f"{path}:{node.lineno}: the float {node.value!r}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            offences.append(f"{path}:{node.lineno}: float(…)")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            offences.append(f"{path}:{node.lineno}: a division with /")
    return offences


def iter_imports(text: str, package: str = "") -> Iterator[tuple[int, str]]:
    """(line, full module name) of every import in `text`, wherever it stands; `package` resolves the relative ones."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # `from farthing import ledger` reaches farthing.ledger, so the names count as modules too.
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "farthing" else [module]
            for name in names:
                yield node.lineno, name


def find_foreign_imports(path: str, text: str) -> list[str]:
    """Core imports the standard library and itself; which parts of the library it may not, import-linter says."""
    package = ".".join(Path(path).parent.parts).removeprefix("src.")
    return [
        f"{path}:{line}: imports {module}"
        for line, module in iter_imports(text, package)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not module.startswith(("farthing.core", "farthing.values"))
    ]


def find_reaching_out(path: str, text: str) -> list[str]:
    """A module inside the face that imports the face: any module of `farthing` that belongs to no named room."""
    named = {*ROOMS_INSIDE_THE_FACE, *ROOMS_ROUND_THE_FACE, *OTHER_ROOMS}
    package = ".".join(Path(path).parent.parts).removeprefix("src.")
    if package.split(".")[1:2] == [] or package.split(".")[1] not in ROOMS_INSIDE_THE_FACE:
        return []
    return [
        f"{path}:{line}: imports {module}, which is the face"
        for line, module in iter_imports(text, package)
        if module.split(".")[0] == "farthing" and module.partition(".")[2].partition(".")[0] not in named
    ]


def find_ledger_transactions(path: str, text: str) -> list[str]:
    """Names in core that say transaction: the database owns that word."""
    offences = []
    for node in ast.walk(ast.parse(text)):
        name = next((str(v) for f in ("name", "id", "attr", "arg", "asname") if (v := getattr(node, f, None))), "")
        if "transaction" in name.lower() and name not in TRANSACTIONS_OF_THE_DATABASE:
            offences.append(f"{path}:{getattr(node, 'lineno', 0)}: the name {name}")
    return offences


def find_bad_records(names: list[str]) -> list[str]:
    """Decision records whose names are not 0001-a-title.md, 0002-…, with every number once."""
    offences = [f"{name}: not NNNN-title.md" for name in names if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", name)]
    numbers = sorted(int(name[:4]) for name in names if name[:4].isdigit())
    if numbers != list(range(1, len(numbers) + 1)):
        offences.append(f"numbers {numbers}: each once, from 1, without gaps")
    return offences


def find_long_record(path: str, text: str) -> list[str]:
    lines = len(text.splitlines())
    return [f"{path}: {lines} lines, a page is {LONGEST_RECORD}"] if lines > LONGEST_RECORD else []


def find_readme_gaps(path: str, text: str) -> list[str]:
    lines = text.splitlines()
    starts = [n for n, line in enumerate(lines, 1) if line.startswith("```python")]
    offences = [f"{path}: does not name {word}" for word in ("./dev demo", "./dev test") if word not in text]
    if not starts or starts[0] > 30:
        offences.append(f"{path}: no Python block by line 30")
    return offences


def find_broken_links(path: str, text: str, root: Path) -> list[str]:
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    offences = []
    for target in LINK.findall(prose):
        name = target.split("#")[0]
        if not name or re.match(r"[a-z][a-z0-9+.-]*:", name):
            continue
        there = (root / path).parent.joinpath(name).resolve()
        if not there.exists() or not there.is_relative_to(root):
            offences.append(f"{path}: the link {target} leads nowhere in this project")
    return offences


def find_loose_locks(path: str, text: str) -> list[str]:
    """Lines of the lock that are no exact version with its hash, or that name a host to fetch from."""
    offences = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) or "//" in line:
            offences.append(f"{path}: {line[:80]}")
    return offences
