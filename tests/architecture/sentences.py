"""Finds every English sentence of the code that may be shown to a person, as the catalogues name it.

Blanks are named after the last name of what fills them: ``f"The contact {contact.name}"`` is ``The contact {name}``.
"""

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]

SENTENCES_AT = {
    "Finding": (0, 1, 2),
    "Check": (1,),
    "HealthNode": (1, 3, 4, 5),
    "parent": (1,),
    "FieldError": (1,),
    "_tried": (1,),
    "_unused": (1,),
    "_failed": (1,),
    "_wrong": (0,),
    "_refused": (0, 1),
    "_refused_url": (1, 2),
    "_refused_address": (2,),
    "_bad_setting": (0,),
    "_unsigned": (1,),
}
"""Calls, besides those of errors, whose arguments at these places are sentences or parts of them."""

GIVING = frozenset({"look", "email_fault", "_compared"})
"""Functions whose result is a sentence."""

KEYWORDS = frozenset({"detail", "cause", "fix", "found", "title"})

UNSEEN = re.compile(
    r"shared/(?:runtime/(?!mail|database)|transport/(?:conventions|idempotency|inbound|limits|openapi|addresses))"
    r"|/(?:\w*cli|worker|settings|scim)(?:\.py$|/)|/migrations/"
)
"""What speaks to operators at a command line or to programs only, never on a page."""


def of_errors_and_findings(*packages: str) -> set[str]:
    """Return the sentences of errors, findings, checks and diagnoses in these packages."""
    trees = list(_trees("shared", "provider_service", "consumer_service"))
    errors = _error_names([tree for _, tree in trees])
    return {
        sentence
        for path, tree in trees
        if path.parts[0] in packages and not UNSEEN.search(path.as_posix())
        for node in ast.walk(tree)
        for place in _places(node, errors)
        for sentence in templates(place)
        if re.search(r"[a-z]{2}", re.sub(r"{\w+}", "", sentence)) and not re.fullmatch(r"[a-z_]+", sentence)
    }


def templates(node: ast.AST) -> list[str]:
    """Return the texts an expression may be, with its values as blanks."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return [*templates(node.body), *templates(node.orelse)]
    if isinstance(node, ast.BoolOp):
        return [text for value in node.values for text in templates(value)]
    if isinstance(node, ast.BinOp):
        sides = [templates(side) or ["{" + _name(side) + "}"] for side in (node.left, node.right)]
        return ["".join(pair) for pair in product(*sides)] if any(map(templates, (node.left, node.right))) else []
    if not isinstance(node, ast.JoinedStr):
        return []
    pieces = [_piece(value) for value in node.values]
    return [_numbered("".join(one)) for one in product(*pieces)]


def _piece(node: ast.expr) -> list[str]:
    if isinstance(node, ast.FormattedValue):
        return _said(node.value) or ["{" + _name(node.value) + "}"]
    return templates(node)


def _said(node: ast.expr) -> list[str]:
    """What a choice between texts may say; a choice with a value in it stays a blank."""
    if not isinstance(node, ast.IfExp):
        return []
    texts = [templates(node.body), templates(node.orelse)]
    return [text for one in texts for text in one] if all(texts) else []


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr.lower()
    if isinstance(node, ast.Name):
        return node.id.lower()
    if isinstance(node, ast.Call):
        name = _name(node.func)
        return "count" if name == "len" else _name(node.args[0]) if name in {"str", "repr"} and node.args else name
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return "value"


def _numbered(text: str) -> str:
    seen: dict[str, int] = {}

    def blank(found: re.Match[str]) -> str:
        name = found[1]
        seen[name] = seen.get(name, 0) + 1
        return "{" + name + (str(seen[name]) if seen[name] > 1 else "") + "}"

    return re.sub(r"{(\w+)}", blank, text)


def _trees(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))


def _error_names(trees: list[ast.Module]) -> set[str]:
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names, before = {"ExchangeError"}, 0
    while len(names) > before:
        before = len(names)
        names |= {one.name for one in classes if not names.isdisjoint(map(_called, one.bases))}
    return names


def _called(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _places(node: ast.AST, errors: set[str]) -> Iterator[ast.expr]:
    if isinstance(node, ast.ClassDef) and node.name in errors:
        yield from (
            part.value for part in node.body if isinstance(part, ast.Assign) and _name(part.targets[0]) == "title"
        )
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and _name(node.targets[0]) in KEYWORDS:
        yield node.value
    if isinstance(node, ast.FunctionDef) and node.name in GIVING:
        yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None)
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Tuple) for key in node.keys):
        yield from node.values
    if isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[1], ast.JoinedStr):
        yield from (node.elts[1] for text in templates(node.elts[1]) if len(text.split()) > 2)
    if not isinstance(node, ast.Call):
        return
    name = _called(node.func)
    places: tuple[int, ...] = (0,) if name in errors else SENTENCES_AT.get(name, ())
    if places:
        yield from (node.args[place] for place in places if place < len(node.args))
        yield from (word.value for word in node.keywords if word.arg in KEYWORDS)


_CALLED = re.compile(r"""\bt\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_TABLE = re.compile(r"{% set \w+_(?:words|texts) = {(.*?)} %}", re.DOTALL)

SAID = {"notify": 3, "_done": 4, "_spoken": 2, "wrong_at": 1, "NavigationItem": 0, "t": 0}
"""Functions of the consoles whose argument at this place is a sentence for a person."""


def of_console(package: str) -> set[str]:
    """Return the sentences of a package's templates, and of its modules that make pages."""
    found: set[str] = set()
    for path in (ROOT / package).rglob("*.html"):
        text = path.read_text("utf-8")
        found |= {ast.literal_eval(one) for one in _CALLED.findall(text)}
        for table in _TABLE.findall(text):
            found |= set(re.findall(r': "([^"]*)"', table))
    for path, tree in _trees(package):
        if "console" in path.parts:
            found |= {text for node in ast.walk(tree) for text in _of_page(node)}
    return {text for text in found if text}


def _of_page(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and _called(node.func) in SAID:
        place = SAID[_called(node.func)]
        yield from (text for word in node.args[place : place + 1] for text in templates(word))
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SENTENCES":
        yield from ast.literal_eval(node.value).values()
