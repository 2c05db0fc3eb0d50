-- Keys from sequences, and no column that a test would have to fill for nothing.
DO $$
DECLARE
  found record;
BEGIN
  FOR found IN SELECT c.oid, c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
      AND NOT a.attisdropped AND a.attnotnull WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace LOOP
    IF found.attname = 'id' THEN
      EXECUTE format('CREATE SEQUENCE %I', found.relname || '_id_seq');
      EXECUTE format('ALTER TABLE %I ALTER id SET DEFAULT nextval(%L)', found.relname, found.relname || '_id_seq');
    ELSIF NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = found.oid AND i.indisprimary
        AND EXISTS (SELECT 1 FROM pg_attribute k WHERE k.attrelid = found.oid AND k.attnum = ANY (i.indkey) AND k.attname = found.attname)) THEN
      EXECUTE format('ALTER TABLE %I ALTER %I DROP NOT NULL', found.relname, found.attname);
    END IF;
  END LOOP;
END $$;

CREATE TABLE res_company (id serial PRIMARY KEY, name varchar);
CREATE TABLE res_currency (id serial PRIMARY KEY, name varchar);
CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar, commercial_partner_id integer);
INSERT INTO res_partner (id, name, commercial_partner_id) VALUES (41, 'A wholesaler whose name stays here', 41), (42, 'Its buyer', 41);
INSERT INTO res_company (name) VALUES ('Nordwind GmbH');
INSERT INTO res_currency (name) VALUES ('EUR');

INSERT INTO stock_warehouse (name, code, company_id) VALUES ('Hamburg', 'HAM', 1);
INSERT INTO stock_picking_type (name, code, sequence_code, warehouse_id, company_id) VALUES
  ('{"en_US": "Pick"}', 'internal', 'PICK', 1, 1), ('{"en_US": "Pack"}', 'internal', 'PACK', 1, 1),
  ('{"en_US": "Delivery"}', 'outgoing', 'OUT', 1, 1), ('{"en_US": "Receipt"}', 'incoming', 'IN', 1, 1);
UPDATE stock_warehouse SET pick_type_id = 1, pack_type_id = 2;
INSERT INTO account_journal (code, type, company_id) VALUES ('INV', 'sale', 1);

INSERT INTO ir_model_fields (model, name, ttype, state) SELECT model, 'state', 'selection', 'base'
  FROM unnest(ARRAY['sale.order', 'stock.picking', 'account.move', 'purchase.order', 'stock.picking.batch']) model;
INSERT INTO ir_model_fields_selection (field_id, value, name, sequence)
  SELECT f.id, s.code, jsonb_build_object('en_US', s.english, 'de_DE', s.german), 1
  FROM (VALUES ('sale.order', 'draft', 'Quotation', 'Angebot'), ('sale.order', 'sent', 'Quotation Sent', 'Angebot gesendet'),
    ('sale.order', 'sale', 'Sales Order', 'Auftrag'), ('sale.order', 'cancel', 'Cancelled', 'Abgebrochen'),
    ('stock.picking', 'draft', 'Draft', 'Entwurf'), ('stock.picking', 'waiting', 'Waiting Another Operation', 'Wartet'),
    ('stock.picking', 'confirmed', 'Waiting', 'Warten'), ('stock.picking', 'assigned', 'Ready', 'Bereit'),
    ('stock.picking', 'done', 'Done', 'Erledigt'), ('stock.picking', 'cancel', 'Cancelled', 'Abgebrochen'),
    ('account.move', 'draft', 'Draft', 'Entwurf'), ('account.move', 'posted', 'Posted', 'Gebucht'),
    ('account.move', 'cancel', 'Cancelled', 'Abgebrochen'), ('purchase.order', 'draft', 'RFQ', 'Angebotsanfrage'),
    ('purchase.order', 'purchase', 'Purchase Order', 'Bestellung'), ('purchase.order', 'cancel', 'Cancelled', 'Abgebrochen'),
    ('stock.picking.batch', 'draft', 'Draft', 'Entwurf'), ('stock.picking.batch', 'in_progress', 'In progress', 'In Arbeit'),
    ('stock.picking.batch', 'done', 'Done', 'Erledigt')) AS s(model, code, english, german)
  JOIN ir_model_fields f ON f.model = s.model;
