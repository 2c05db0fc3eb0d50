-- One of each thing that a level counts, and beside it one that it must not count.
CREATE FUNCTION ago(text) RETURNS timestamp LANGUAGE sql AS $$ SELECT now() AT TIME ZONE 'UTC' - $1::interval $$;

INSERT INTO sale_order (name, state, company_id, warehouse_id, currency_id, amount_untaxed, invoice_status, validity_date, create_date, date_order) VALUES
  ('S1', 'sent', 1, 1, 1, 1, 'no', current_date + 5, ago('30 hours'), ago('30 hours')),
  ('S2', 'draft', 1, 1, 1, 1, 'no', current_date - 5, ago('40 hours'), ago('40 hours')),
  ('S3', 'draft', 1, 1, 1, 1, 'no', NULL, ago('1 hour'), ago('1 hour')),
  ('S4', 'sale', 1, 1, 1, 100, 'to invoice', current_date - 5, ago('9 hours'), ago('4 hours')),
  ('S5', 'sale', 1, 1, 1, 200, 'to invoice', NULL, ago('2 hours'), ago('1 hour')),
  ('S6', 'sale', 1, 1, 1, 400, 'invoiced', NULL, ago('2 hours'), ago('1 hour'));

INSERT INTO stock_picking_batch (name, state, company_id, is_wave, picking_type_id, scheduled_date, create_date) VALUES
  ('WAVE/1', 'in_progress', 1, true, 3, ago('1 hour'), ago('2 hours')), ('WAVE/2', 'in_progress', 1, true, 3, ago('-1 hour'), ago('2 hours'));
INSERT INTO stock_picking (name, state, company_id, picking_type_id, batch_id, scheduled_date, date_deadline, has_deadline_issue, create_date) VALUES
  ('OUT/1', 'assigned', 1, 3, 1, ago('1 hour'), ago('-9 hours'), false, ago('2 hours')),
  ('OUT/2', 'waiting', 1, 3, 1, ago('1 hour'), ago('-9 hours'), true, ago('2 hours')),
  ('OUT/3', 'assigned', 1, 3, NULL, ago('-1 hour'), ago('-9 hours'), false, ago('2 hours')),
  ('OUT/4', 'done', 1, 3, 1, ago('1 hour'), ago('1 hour'), true, ago('2 hours'));
INSERT INTO stock_location (name, usage) VALUES ('Stock', 'internal'), ('Customers', 'customer');
INSERT INTO product_template (type, create_date, write_date) SELECT 'consu', ago('9 days'), ago('9 days') FROM generate_series(1, 30);
INSERT INTO product_product (product_tmpl_id) VALUES (1);
INSERT INTO stock_move (state, date, origin, company_id, product_id, product_qty, location_id, location_dest_id, picking_id, picking_type_id) VALUES
  ('done', ago('3 hours'), 'valued', 1, 1, 1, 1, 2, 4, 1), ('waiting', ago('-1 hour'), '', 1, 1, 1, 1, 2, 2, 3),
  ('done', ago('3 hours'), 'lost', 1, 1, 1, 1, 2, 4, 3), ('done', ago('3 days'), 'long ago', 1, 1, 1, 1, 2, 4, 3);
INSERT INTO stock_move_move_rel (move_orig_id, move_dest_id) VALUES (1, 2);
INSERT INTO stock_quant (product_id, location_id, quantity, reserved_quantity, in_date) VALUES (1, 1, 5, 5, ago('1 day')), (1, 1, 5, 6, ago('1 day')),
  (1, 1, 5, -1, ago('1 day')), (1, 2, 5, 9, ago('1 day'));

INSERT INTO account_move (name, state, move_type, journal_id, company_id, currency_id, amount_untaxed, auto_post, date, invoice_date, posted_before, create_date,
    write_date) VALUES
  ('INV/6', 'draft', 'out_invoice', 1, 1, 1, 9, 'no', current_date, current_date - 3, true, ago('50 hours'), ago('50 hours')),
  ('INV/7', 'draft', 'out_invoice', 1, 1, 1, 9, 'at_date', current_date - 1, NULL, false, ago('49 hours'), ago('49 hours')),
  ('INV/8', 'draft', 'out_invoice', 1, 1, 1, 9, 'no', current_date, NULL, false, ago('1 hour'), ago('1 hour')),
  ('INV/9', 'posted', 'out_invoice', 1, 1, 1, 9, 'no', current_date, current_date - 3, true, ago('60 hours'), ago('2 hours'));
INSERT INTO account_edi_format (code) VALUES ('ubl_21');
INSERT INTO account_edi_document (move_id, edi_format_id, state, blocking_level, create_date, write_date) VALUES
    (4, 1, 'to_send', 'error', ago('2 hours'), ago('2 hours')), (4, 1, 'to_send', NULL, ago('2 hours'), ago('1 hour')),
    (4, 1, 'sent', 'error', ago('2 hours'), ago('2 hours'));

INSERT INTO mail_notification (mail_message_id, res_partner_id, notification_type, notification_status, failure_type) VALUES
  (1, 41, 'sms', 'exception', 'sms_credit'), (2, 41, 'sms', 'exception', 'sms_credit'), (3, 41, 'email', 'bounce', NULL), (4, 41, 'email', 'sent', NULL);
INSERT INTO purchase_order (name, state, company_id, currency_id, amount_untaxed, receipt_status, date_planned, create_date) VALUES
  ('P1', 'draft', 1, 1, 7, NULL, NULL, ago('20 hours')), ('P2', 'to approve', 1, 1, 7, NULL, NULL, ago('2 hours')),
  ('P3', 'purchase', 1, 1, 7, 'partial', ago('1 day'), ago('9 days')), ('P4', 'purchase', 1, 1, 7, 'full', ago('1 day'), ago('9 days')),
  ('P5', 'purchase', 1, 1, 7, 'pending', ago('-1 day'), ago('9 days'));
INSERT INTO queue_job (uuid, state, channel, method_name, model_name, date_created, date_started, retry) VALUES
  ('33333333-3333-3333-3333-333333333333', 'started', 'root', 'run', 'sale.order', ago('6 hours'), ago('5 hours'), 0);
INSERT INTO ir_cron (active, nextcall, interval_number, interval_type, priority) VALUES (true, ago('-1 hour'), 1, 'hours', 5);
INSERT INTO ir_logging (type, name, level, message, path, func, line, create_date) VALUES
  ('server', 'odoo.http', 'ERROR', 'a secret', 'p', 'f', '1', ago('10 minutes')), ('server', 'odoo.http', 'ERROR', 'a secret', 'p', 'f', '1', ago('5 minutes')),
  ('client', 'odoo.http', 'ERROR', 'a secret', 'p', 'f', '1', ago('5 minutes')), ('server', 'odoo.http', 'ERROR', 'a secret', 'p', 'f', '1', ago('5 hours'));

-- Each of these is one transaction's, by its stamp; those beside it are too few, or too old.
INSERT INTO purchase_order_line (order_id, display_type, create_date) SELECT 1, 'line_note', ago('10 minutes') FROM generate_series(1, 12);
INSERT INTO purchase_order_line (order_id, display_type, create_date) SELECT 2, 'line_note', ago('9 minutes') FROM generate_series(1, 9);
INSERT INTO purchase_order_line (order_id, display_type, create_date) SELECT 2, 'line_note', ago('9 hours') FROM generate_series(1, 20);
INSERT INTO product_pricelist_item (pricelist_id, write_date) SELECT 1, ago('8 minutes') FROM generate_series(1, 3);
UPDATE product_template SET write_date = ago('7 minutes') WHERE id <= 11;
UPDATE product_template SET write_date = ago('6 minutes') WHERE id BETWEEN 12 AND 20;
