"""A model without a table, whose one purpose is to be called when a registry is ready: where the addon is
installed and not loaded server-wide, the registry that loads it is already being built when its code arrives.
"""

from odoo import models


class PlimsollEvents(models.AbstractModel):
    _name = "plimsoll.events"
    _description = "Business events for an OTLP collector"

    def _register_hook(self):
        super()._register_hook()
        from .. import hooks
        from ..patching import silent

        hooks.place()
        silent("a registry", hooks.place_on, self.env.registry, self.env.cr)
