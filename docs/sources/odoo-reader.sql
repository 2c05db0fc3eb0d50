-- A role for Plimsoll's [[sources.odoo]] that can read what it needs and nothing else. Run it as the database's owner:
--
--   psql -d YOUR_ODOO -v ON_ERROR_STOP=1 -f odoo-reader.sql
--   psql -d YOUR_ODOO -c "\password plimsoll"
--
-- Rights are given on columns: no bodies of messages, no names or addresses of customers (of partners two numbers: which one, and
-- which company it belongs to), no arguments or results of jobs, no passwords and no parameters of the system. Of invoices that wait
-- to be sent it is asked since when, not how: send_and_print_values and sending_data are only tested for being there. Columns that your version or modules don't have are left out; run it again after
-- an upgrade or when a module was installed. Nothing is changed but the role.

DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'plimsoll') THEN
    CREATE ROLE plimsoll LOGIN;
  END IF;
END $$;

-- What the reader asks of each session anyhow, in case another program borrows the role.
ALTER ROLE plimsoll SET default_transaction_read_only = on;
ALTER ROLE plimsoll SET statement_timeout = '5s';
ALTER ROLE plimsoll SET lock_timeout = '200ms';
ALTER ROLE plimsoll SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE plimsoll CONNECTION LIMIT 5;

DO $$
DECLARE
  wanted record;
  present text;
BEGIN
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO plimsoll', current_database());
  FOR wanted IN SELECT * FROM (VALUES
    ('account_edi_document', 'id move_id edi_format_id state blocking_level create_date write_date'),
    ('account_edi_format', 'id code'),
    ('account_journal', 'id code company_id'),
    ('account_move', 'id name state move_type journal_id company_id currency_id commercial_partner_id partner_id amount_untaxed invoice_origin auto_post date invoice_date posted_before sequence_prefix sequence_number create_date write_date send_and_print_values sending_data'),
    ('account_move_line', 'move_id balance'),
    ('crm_team', 'id name'),
    ('delivery_carrier', 'id name'),
    ('edi_backend', 'id name'),
    ('edi_exchange_record', 'id edi_exchange_state backend_id create_date write_date'),
    ('ir_cron', 'id cron_name active nextcall interval_number interval_type numbercall failure_count write_date'),
    ('ir_cron_progress', 'id cron_id timed_out_counter remaining'),
    ('ir_cron_trigger', 'cron_id call_at'),
    ('ir_logging', 'id type level name create_date'),
    ('ir_model_fields', 'id name model'),
    ('ir_model_fields_selection', 'field_id value name'),
    ('ir_module_module', 'id name state latest_version'),
    ('mail_mail', 'id state failure_type create_date write_date scheduled_date'),
    ('mail_message', 'id model res_id create_date create_uid date'),
    ('mail_notification', 'notification_type notification_status failure_type'),
    ('mail_tracking_value', 'id mail_message_id field field_id old_value_char new_value_char create_date'),
    ('payment_provider', 'id code'),
    ('payment_transaction', 'id state reference provider_id company_id currency_id amount create_date write_date'),
    ('product_pricelist_item', 'id write_date'),
    ('product_product', 'id product_tmpl_id'),
    ('product_template', 'id type is_storable write_date'),
    ('purchase_order', 'id name company_id currency_id amount_untaxed date_planned picking_type_id state create_date receipt_status'),
    ('purchase_order_line', 'id create_date'),
    ('queue_job', 'id uuid state channel model_name method_name retry exec_time exc_name worker_pid company_id graph_uuid eta date_created date_started date_done'),
    ('res_company', 'id name'),
    ('res_currency', 'id name'),
    ('res_partner', 'id commercial_partner_id'),
    ('sale_order', 'id name state company_id warehouse_id currency_id partner_id team_id website_id amount_untaxed invoice_status create_date date_order commitment_date validity_date'),
    ('sale_order_line', 'id order_id product_id product_uom_qty'),
    ('stock_location', 'id usage warehouse_id'),
    ('stock_move', 'id state picking_id picking_type_id sale_line_id date company_id product_qty product_id location_id location_dest_id is_in is_out value'),
    ('stock_move_line', 'product_id location_id state quantity_product_uom reserved_qty'),
    ('stock_move_move_rel', 'move_orig_id move_dest_id'),
    ('stock_picking', 'id name state origin company_id picking_type_id sale_id batch_id carrier_id date_deadline scheduled_date has_deadline_issue create_date'),
    ('stock_picking_batch', 'id name state company_id is_wave picking_type_id create_date scheduled_date'),
    ('stock_picking_type', 'id code warehouse_id'),
    ('stock_quant', 'id product_id location_id quantity reserved_quantity'),
    ('stock_valuation_layer', 'stock_move_id'),
    ('stock_warehouse', 'id code pick_type_id pack_type_id')
  ) AS needs(name, names) LOOP
    SELECT string_agg(quote_ident(a.attname), ', ') INTO present
    FROM pg_attribute a
    WHERE a.attrelid = to_regclass(wanted.name) AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attname = ANY (string_to_array(wanted.names, ' '));
    IF present IS NOT NULL THEN
      EXECUTE format('GRANT SELECT (%s) ON %I TO plimsoll', present, wanted.name);
    END IF;
  END LOOP;
END $$;
