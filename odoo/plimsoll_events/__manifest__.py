{
    "name": "Plimsoll Events",
    "summary": "Business events, spans of requests and jobs, changes: to an OTLP collector, after the commit",
    # Without a series in front: Odoo puts its own there, so that one folder loads in 16.0, 17.0, 18.0 and
    # 19.0.
    "version": "1.0.0",
    "category": "Technical",
    "author": "The Plimsoll authors",
    "license": "LGPL-3",
    "depends": ["base", "web"],
    "data": [],
    "post_load": "_post_load",
    "uninstall_hook": "_uninstalled",
    "installable": True,
    "application": False,
    "auto_install": False,
}
