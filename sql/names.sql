-- Other names put into statements of a PostgreSQL source.
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION renamed(sql text, path text[] DEFAULT '{}') RETURNS SETOF text LANGUAGE sql AS
$$SELECT array_to_string(renamed || notes, E'\n-- ') FROM dtsmig.rename_in_statement(sql,
 '{"shop": "store", "shop.orders": "archive.\"Orders 2\"", "other.t": "other.t2"}', path)$$;
SELECT renamed(s) FROM (VALUES
 ($q$CREATE TABLE shop.orders (id int DEFAULT nextval('shop.orders_id_seq'::regclass), shop text, CHECK (orders.id > 0), x shop.money, y shop.orders[], t shop."T" COLLATE shop."de")$q$),
 ($q$CREATE TABLE shop.items (o int REFERENCES shop.orders(id), LIKE shop.orders)$q$),
 ($q$CREATE VIEW shop.v AS SELECT orders.id, shop.id, shop.shop, 'shop.orders' AS lit, (shop.c).shop.x FROM shop.orders, shop.items shop WHERE (shop.id OPERATOR(shop.=) orders.id) AND shop.f(orders.*) AND orders.y = ('shop.orders'::regclass)::oid$q$),
 ($q$CREATE VIEW shop.v AS SELECT shop.orders.id FROM ONLY shop.orders JOIN shop.items ON shop.items.o = shop.orders.id$q$),
 ($q$CREATE FUNCTION shop.orders(a shop.orders) RETURNS SETOF shop.orders LANGUAGE sql SET search_path TO 'shop', 'public' AS $$SELECT * FROM shop.orders WHERE orders.id = $1.id -- shop.orders
 $$$q$),
 ($q$CREATE FUNCTION shop.pl() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO shop.orders VALUES (NEW.id); PERFORM "shop"."items"; RETURN shop.x; END$$$q$),
 ($q$CREATE FUNCTION shop.std(a int) RETURNS int BEGIN ATOMIC SELECT orders.id FROM shop.orders WHERE (orders.id = std.a); INSERT INTO shop.orders (id) VALUES (std.a) RETURNING orders.id; END$q$),
 ($q$CREATE RULE r AS ON INSERT TO shop.orders WHERE (new.id > 1) DO INSTEAD UPDATE shop.items SET o = new.id WHERE (items.o = new.id)$q$),
 ($q$CREATE POLICY p ON shop.orders USING ((EXISTS (SELECT 1 FROM shop.items i WHERE (i.o = orders.id))))$q$),
 ($q$CREATE TRIGGER t AFTER INSERT ON shop.orders FOR EACH ROW WHEN (new.id > 0) EXECUTE FUNCTION shop.orders()$q$),
 ($q$CREATE INDEX orders_i ON ONLY shop.orders USING btree (shop.f(id), x shop.my_ops)$q$),
 ($q$ALTER INDEX shop.orders_pkey ATTACH PARTITION shop.p1_pkey$q$),
 ($q$ALTER TABLE ONLY shop.orders ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES other.t(id)$q$),
 ($q$COMMENT ON COLUMN shop.orders.id IS 'shop.orders'$q$),
 ($q$COMMENT ON FUNCTION shop.orders(shop.orders) IS 'shop.orders'$q$),
 ($q$COMMENT ON SCHEMA shop IS 'shop'; CREATE SCHEMA IF NOT EXISTS shop; CREATE SCHEMA shop AUTHORIZATION shop; ALTER SCHEMA shop OWNER TO shop$q$),
 ($q$CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA shop; GRANT USAGE ON SCHEMA shop, other TO shop; ALTER DEFAULT PRIVILEGES FOR ROLE shop IN SCHEMA shop GRANT SELECT ON TABLES TO shop$q$),
 ($q$CREATE AGGREGATE shop.orders(shop.orders) (SFUNC = shop.orders, STYPE = shop.orders, INITCOND = 'shop.orders')$q$),
 ($q$CREATE OPERATOR shop.+ (FUNCTION = shop.add, LEFTARG = shop.orders, COMMUTATOR = OPERATOR(shop.+))$q$),
 ($q$CREATE OPERATOR CLASS shop.oc FOR TYPE shop.orders USING btree AS OPERATOR 1 shop.<(shop.orders,shop.orders) , FUNCTION 1 (shop.orders, shop.orders) shop.orders(shop.orders,shop.orders)$q$),
 ($q$ALTER SEQUENCE shop.s OWNED BY shop.orders.id; DROP FUNCTION shop.orders(); DROP SCHEMA shop$q$),
 ($q$INSERT INTO shop.orders (shop, id) SELECT shop.a, 1 FROM other.t shop ON CONFLICT (id) DO UPDATE SET shop.a = excluded.id WHERE orders.id > 1$q$),
 ($q$UPDATE shop.orders SET shop.a = 1 FROM other.t WHERE t.id = orders.id$q$),
 ($q$SELECT x FROM shop.orders FOR UPDATE OF orders; TABLE shop.orders; SELECT * FROM shop.orders * WHERE orders.x = E'shop.orders\'' || $$shop.orders$$ /* shop.orders */ $q$),
 ($q$ALTER TABLE shop.orders RENAME TO items; ALTER TABLE other.t SET SCHEMA shop; ALTER TABLE other.x RENAME TO t$q$),
 ($q$CREATE STATISTICS shop.st ON a, b FROM shop.orders; REFRESH MATERIALIZED VIEW shop.orders$q$),
 ($q$SELECT U&"shop".x, "shop"."orders".y FROM "shop"."orders"$q$),
 ($q$CREATE PUBLICATION p FOR TABLE shop.orders WHERE (id > 1), TABLES IN SCHEMA shop$q$),
 ($q$DO $$BEGIN DELETE FROM shop.orders; END$$$q$)
) q(s);
SELECT renamed(s, '{shop,other}') FROM (VALUES
 ('CREATE TABLE orders (id int REFERENCES t (id))'), ('ALTER TABLE IF EXISTS orders ADD a int; DROP TABLE IF EXISTS orders, t, x CASCADE'),
 ('COMMENT ON TABLE orders IS $$$$; COMMENT ON COLUMN orders.a IS $$orders$$; TRUNCATE orders, items'),
 ('CREATE VIEW v AS WITH t AS (SELECT 1) SELECT orders.id FROM orders, t'), ('ALTER TABLE orders RENAME TO t; CREATE INDEX ON orders (id)')) q(s);
SELECT dtsmig.rename_in_statement('SELECT 1', '{"a": "b.c"}');
