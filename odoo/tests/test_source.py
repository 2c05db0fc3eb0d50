"""What the module's own text promises: it runs where Odoo 16.0 runs, and needs nothing that Odoo lacks."""

from __future__ import annotations

import ast
import sys
import unittest
from pathlib import Path

MODULE = Path(__file__).resolve().parent.parent / "plimsoll_events"
OLDEST = (3, 8)
# The standard library and what every Odoo has; `sys.stdlib_module_names` came with Python 3.10.
ALLOWED = {"odoo", "psycopg2"} | set(getattr(sys, "stdlib_module_names", ()))


def sources():
    return sorted(MODULE.rglob("*.py"))


class Source(unittest.TestCase):
    def trees(self):
        for path in sources():
            with self.subTest(path.name):
                yield path, ast.parse(path.read_text(), str(path), feature_version=OLDEST)

    def test_every_file_is_python_3_8(self):
        self.assertGreater(len(sources()), 25)
        for path, tree in self.trees():
            self.assertIsNotNone(tree, path)

    @unittest.skipIf(sys.version_info < (3, 10), "the list of the standard library came with 3.10")
    def test_nothing_is_imported_that_odoo_lacks(self):
        for path, tree in self.trees():
            for node in ast.walk(tree):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module]
                foreign = {name.split(".")[0] for name in names} - ALLOWED
                self.assertEqual(foreign, set(), path)

    def test_every_file_says_what_it_is_for_and_none_prints(self):
        for path, tree in self.trees():
            if (
                path.name not in ("__manifest__.py",)
                and tree.body
                and path.parent.name not in ("tests", "models")
            ):
                self.assertTrue(ast.get_docstring(tree), path)
            calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            self.assertNotIn("print", [func.id for func in calls if isinstance(func, ast.Name)], path)

    def test_the_manifest_loads_in_all_four_series(self):
        manifest = ast.literal_eval((MODULE / "__manifest__.py").read_text())
        # Odoo puts its series in front of a version of three parts, and refuses another series' in front of
        # it.
        self.assertRegex(manifest["version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual((manifest["license"], manifest["depends"]), ("LGPL-3", ["base", "web"]))
        self.assertIn("GNU LESSER GENERAL PUBLIC LICENSE", (MODULE / "LICENSE").read_text())


if __name__ == "__main__":
    unittest.main()
