-- A few years of a distributor, for what reading costs.
INSERT INTO sale_order (name, state, company_id, warehouse_id, currency_id, partner_id, amount_untaxed, invoice_status, create_date, write_date, date_order)
  SELECT 'S' || i, CASE WHEN i % 50 = 0 THEN 'sent' ELSE 'sale' END, 1, 1, 1, i % 5000, 100, CASE WHEN i % 40 = 0 THEN 'to invoice' ELSE 'invoiced' END,
    t, t, t FROM generate_series(1, 60000) i, LATERAL (SELECT now() AT TIME ZONE 'UTC' - (60001 - i) * interval '5 minutes' AS t) x;
INSERT INTO mail_message (model, res_id, message_type, create_date, date)
  SELECT 'sale.order', i / 4, 'notification', t, t FROM generate_series(1, 200000) i,
    LATERAL (SELECT now() AT TIME ZONE 'UTC' - (200001 - i) * interval '75 seconds' AS t) x;
INSERT INTO mail_tracking_value (mail_message_id, field_id, old_value_char, new_value_char, create_date)
  SELECT i * 2, CASE WHEN i % 3 = 0 THEN 1 ELSE 999 END, 'Angebot', 'Auftrag', (SELECT create_date FROM mail_message WHERE id = i * 2)
  FROM generate_series(1, 100000) i;
INSERT INTO stock_picking (name, state, company_id, picking_type_id, sale_id, date_deadline, scheduled_date, create_date)
  SELECT 'OUT' || i, CASE WHEN i > 59000 THEN 'assigned' ELSE 'done' END, 1, 1 + i % 3, i, t, t, t FROM generate_series(1, 60000) i,
    LATERAL (SELECT now() AT TIME ZONE 'UTC' - (59500 - i) * interval '5 minutes' AS t) x;
INSERT INTO account_move (name, state, move_type, journal_id, company_id, currency_id, amount_untaxed, auto_post, date, invoice_date, posted_before,
    sequence_prefix, sequence_number)
  SELECT 'INV/' || i, CASE WHEN i % 500 = 0 THEN 'draft' ELSE 'posted' END, 'out_invoice', 1, 1, 1, 100, 'no', current_date - (60000 - i) / 300,
    current_date - (60000 - i) / 300, true, 'INV/' || i / 30000 || '/', i FROM generate_series(1, 60000) i;
INSERT INTO account_move_line (move_id, balance) SELECT i / 2, CASE WHEN i % 2 = 0 THEN 100 ELSE -100 END FROM generate_series(2, 120001) i;
INSERT INTO queue_job (uuid, state, channel, method_name, model_name, date_created, date_done, exec_time, retry)
  SELECT md5(i::text), CASE WHEN i > 199500 THEN 'pending' ELSE 'done' END, 'root', 'run', 'sale.order', t, t, 1, 0 FROM generate_series(1, 200000) i,
    LATERAL (SELECT now() AT TIME ZONE 'UTC' - (200001 - i) * interval '15 seconds' AS t) x;
INSERT INTO stock_location (name, usage, warehouse_id) SELECT 'L' || i, 'internal', 1 FROM generate_series(1, 500) i;
INSERT INTO stock_quant (product_id, location_id, quantity, reserved_quantity, in_date) SELECT i % 10000, 1 + i % 500, i % 7 - 1, 0, now()
  FROM generate_series(1, 60000) i;
INSERT INTO res_partner (id, commercial_partner_id) SELECT i, i FROM generate_series(100, 5100) i;
INSERT INTO purchase_order (name, state, company_id, currency_id, amount_untaxed, date_planned, receipt_status, create_date)
  SELECT 'P' || i, 'purchase', 1, 1, 100, now(), 'full', now() AT TIME ZONE 'UTC' FROM generate_series(1, 20000) i;
INSERT INTO purchase_order_line (order_id, product_id, create_date)
  SELECT 1 + i / 10, i % 10000, now() AT TIME ZONE 'UTC' - (200000 - i) / 10 * interval '20 minutes' FROM generate_series(1, 200000) i;
INSERT INTO product_template (type, create_date, write_date) SELECT 'consu', now(), now() AT TIME ZONE 'UTC' - i * interval '1 hour'
  FROM generate_series(1, 20000) i;
INSERT INTO product_product (product_tmpl_id) SELECT i FROM generate_series(1, 20000) i;
INSERT INTO product_pricelist_item (pricelist_id, write_date) SELECT 1, now() AT TIME ZONE 'UTC' - i / 1000 * interval '1 day'
  FROM generate_series(1000, 101000) i;
INSERT INTO stock_move (state, date, company_id, product_id, product_qty, location_id, location_dest_id, picking_id, picking_type_id)
  SELECT 'done', t, 1, 1 + i % 20000, 1, 1, 1, i, 1 FROM generate_series(1, 150000) i,
    LATERAL (SELECT now() AT TIME ZONE 'UTC' - (150001 - i) * interval '2 minutes' AS t) x;
INSERT INTO stock_valuation_layer (stock_move_id, company_id, product_id) SELECT i, 1, 1 FROM generate_series(1, 150000) i;
INSERT INTO mail_notification (mail_message_id, res_partner_id, notification_type, notification_status, failure_type)
  SELECT i, 1, 'email', CASE WHEN i % 500 = 0 THEN 'exception' ELSE 'sent' END, 'mail_smtp' FROM generate_series(1, 150000) i;
INSERT INTO ir_logging (type, name, level, message, path, func, line, create_date)
  SELECT 'server', 'odoo.http', 'ERROR', 'm', 'p', 'f', 'l', now() AT TIME ZONE 'UTC' - (100001 - i) * interval '10 seconds' FROM generate_series(1, 100000) i;
ANALYZE;
