"""Runs last: what all tests before it have seen told is what the module says that it tells, neither less nor
more."""

import unittest

from harness import SEEN
from odoo.addons.plimsoll_events import vocabulary

ALWAYS = ("event.id", "business.outcome", "odoo.db")
# Told of what no stub does: nobody knows the partner system's own reference, nor who ran an upgrade.
NEVER = {("change.recorded", "change.url")}


class Vocabulary(unittest.TestCase):
    def test_every_event_is_told_by_some_hook(self):
        self.assertEqual(set(SEEN), set(vocabulary.EVENTS))

    def test_every_attribute_of_every_event_is_told_by_some_hook_and_no_other_is(self):
        for name, more in vocabulary.EVENTS.items():
            expected = {*more, *ALWAYS} - {key for event, key in NEVER if event == name}
            told = set(SEEN.get(name, ()))
            with self.subTest(name):
                self.assertEqual(told - {*more, *vocabulary.COMMON}, set(), "told, and not promised")
                self.assertEqual(expected - told, set(), "promised, and never told")

    def test_every_attribute_has_the_type_that_the_catalogue_promises(self):
        for name, attributes in SEEN.items():
            for key, kind in attributes.items():
                with self.subTest("%s of %s" % (key, name)):
                    self.assertIs(kind, vocabulary.TYPES.get(key, str))


if __name__ == "__main__":
    unittest.main()
