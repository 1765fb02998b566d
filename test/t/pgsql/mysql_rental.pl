# A schema as shops have it (films, stores, rentals, payments) from PostgreSQL into
# MySQL and MariaDB: rows, keys and foreign keys, while the shop goes on.
#
# dts-runs: mariadb, mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::MariaDB->new->start;
$dst->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; GRANT ALL ON shop.* TO app\@'%'; GRANT ALL ON dtsmig_ledger.* TO app\@'%'");
$src->sql(<<'END');
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS integer CHECK (VALUE >= 1901 AND VALUE <= 2155);
CREATE FUNCTION last_updated() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.last_update = CURRENT_TIMESTAMP; RETURN NEW; END$$;
CREATE TABLE language (language_id serial PRIMARY KEY, name character(20) NOT NULL, last_update timestamptz DEFAULT now() NOT NULL);
CREATE TABLE category (category_id serial PRIMARY KEY, name text NOT NULL UNIQUE, last_update timestamptz DEFAULT now() NOT NULL);
CREATE TABLE actor (actor_id serial PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, last_update timestamptz DEFAULT now() NOT NULL);
CREATE TABLE film (film_id serial PRIMARY KEY, title text NOT NULL, description text, release_year year, language_id integer NOT NULL REFERENCES language ON UPDATE CASCADE ON DELETE RESTRICT,
    original_language_id integer REFERENCES language, rental_duration smallint DEFAULT 3 NOT NULL, rental_rate numeric(4,2) DEFAULT 4.99 NOT NULL, length smallint, replacement_cost numeric(5,2) DEFAULT 19.99 NOT NULL,
    rating mpaa_rating DEFAULT 'G', special_features text[], fulltext tsvector, last_update timestamptz DEFAULT now() NOT NULL);
CREATE TABLE film_actor (actor_id integer REFERENCES actor, film_id integer REFERENCES film ON DELETE CASCADE, PRIMARY KEY (actor_id, film_id));
CREATE TABLE film_category (film_id integer REFERENCES film ON DELETE CASCADE, category_id integer REFERENCES category, PRIMARY KEY (film_id, category_id));
CREATE TABLE store (store_id serial PRIMARY KEY, manager_id integer NOT NULL, address text);
CREATE TABLE staff (staff_id serial PRIMARY KEY, store_id integer NOT NULL REFERENCES store, username varchar(16) NOT NULL, active boolean DEFAULT true NOT NULL, picture bytea);
ALTER TABLE store ADD FOREIGN KEY (manager_id) REFERENCES staff DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE customer (customer_id serial PRIMARY KEY, store_id integer NOT NULL REFERENCES store, email text, active boolean DEFAULT true NOT NULL, create_date date DEFAULT CURRENT_DATE NOT NULL);
CREATE TABLE inventory (inventory_id serial PRIMARY KEY, film_id integer NOT NULL REFERENCES film ON DELETE CASCADE, store_id integer NOT NULL REFERENCES store);
CREATE TABLE rental (rental_id serial PRIMARY KEY, rental_date timestamptz NOT NULL, inventory_id integer NOT NULL REFERENCES inventory ON DELETE CASCADE, customer_id integer NOT NULL REFERENCES customer, return_date timestamptz, staff_id integer NOT NULL REFERENCES staff);
CREATE TABLE payment (payment_id serial, customer_id integer NOT NULL, rental_id integer NOT NULL, amount numeric(5,2) NOT NULL CHECK (amount >= 0), payment_date timestamptz NOT NULL, PRIMARY KEY (payment_date, payment_id)) PARTITION BY RANGE (payment_date);
CREATE TABLE payment_1 PARTITION OF payment FOR VALUES FROM ('2022-01-01') TO ('2022-07-01');
CREATE TABLE payment_2 PARTITION OF payment FOR VALUES FROM ('2022-07-01') TO ('2023-01-01');
CREATE UNIQUE INDEX one_rental ON rental (rental_date, inventory_id, customer_id);
CREATE UNIQUE INDEX one_open ON rental (inventory_id) WHERE return_date IS NULL;
CREATE INDEX film_title ON film (title); CREATE INDEX film_fulltext ON film USING gist (fulltext); CREATE INDEX customer_email ON customer (lower(email));
CREATE TRIGGER touch BEFORE UPDATE ON film FOR EACH ROW EXECUTE FUNCTION last_updated();
CREATE VIEW film_list AS SELECT film_id, title, rental_rate FROM film;
INSERT INTO language (name) VALUES ('English'), ('Deutsch'), ('日本語');
INSERT INTO category (name) VALUES ('Action'), ('action'), ('Drama'), ('Sci-Fi');
INSERT INTO actor (first_name, last_name) SELECT 'First ' || i, upper('Läst ' || i) FROM generate_series(1, 200) i;
INSERT INTO film (title, description, release_year, language_id, rental_rate, length, rating, special_features, fulltext) SELECT 'FILM ' || i, repeat('A Tale ', i % 40), 1950 + i % 70, 1 + i % 3, (i % 500) / 100.0, 40 + i % 120, (ARRAY['G', 'PG', 'PG-13', 'R', 'NC-17'])[1 + i % 5]::mpaa_rating,
    (ARRAY['{Trailers,"Deleted Scenes"}', '{}', NULL]::text[])[1 + i % 3]::text[], to_tsvector('english', 'Film about ' || i) FROM generate_series(1, 1000) i;
INSERT INTO film_actor SELECT 1 + i * 7 % 200, 1 + i % 1000 FROM generate_series(0, 2999) i ON CONFLICT DO NOTHING;
INSERT INTO film_category SELECT i, 1 + i % 4 FROM generate_series(1, 1000) i;
BEGIN; INSERT INTO store (manager_id) VALUES (1), (2); INSERT INTO staff (store_id, username, picture) VALUES (1, 'Mike', '\x89504e47'), (2, 'Jon', NULL); COMMIT;
INSERT INTO customer (store_id, email) SELECT 1 + i % 2, 'c' || i || '@example.org' FROM generate_series(1, 600) i;
INSERT INTO inventory (film_id, store_id) SELECT 1 + i % 1000, 1 + i % 2 FROM generate_series(1, 4000) i;
INSERT INTO rental (rental_date, inventory_id, customer_id, return_date, staff_id) SELECT '2022-01-01 10:00+01'::timestamptz + i * interval '20 minutes', 1 + i % 4000, 1 + i % 600, CASE WHEN i <= 12000 THEN '2022-01-03'::timestamptz + i * interval '20 minutes' END, 1 + i % 2 FROM generate_series(1, 15000) i;
INSERT INTO payment (customer_id, rental_id, amount, payment_date) SELECT customer_id, rental_id, (rental_id % 1000) / 100.0, rental_date FROM rental;
END
my @tables = split / /, 'language category actor film film_actor film_category store staff customer inventory rental payment_1 payment_2';
my $task = Dts::Task->new($src, $hub, name => 'st', objects => [ { schema => 'public', target_schema => 'shop' } ], destination => $dst, destination_db => '', destination_user => 'app', destination_password => 'pw');
is($task->sql("SELECT string_agg(concat_ws(' ', item, found), E'\\n') FROM dtsmig.precheck('st') WHERE status = 'failed'"), '', 'the precheck fails nothing');
$task->start->wait_for('incremental', 120);

# Columns as both say them: boolean as a number, times in UTC, arrays as JSON.
my %pg_form = (boolean => '%s::integer', 'timestamp with time zone' => q{to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')}, ARRAY => q{replace(array_to_json(%s)::text, '", "', '","')}, bytea => q{upper(encode(%s, 'hex'))}, character => 'rtrim(%s::text)');
my %my_form = (bytea => 'HEX(%s)', ARRAY => q{REPLACE(%s, '", "', '","')});
sub same
{
    my ($what) = @_;
    $task->catch_up(60);
    my @diff;
    for my $t (@tables)
    {
        my @c = $src->rows("SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '$t' ORDER BY ordinal_position");
        my ($pg, $my) = map { my ($form, $quote) = @$_; join ', ', map { sprintf $form->{ $_->[1] } // '%s', "$quote$_->[0]$quote" } @c } [ \%pg_form, '"' ], [ \%my_form, '`' ];
        my ($x, $y) = map { join "\n", sort map { join '|', map { $_ // 'NULL' } @$_ } @$_ } [ $src->rows("SELECT $pg FROM $t") ], [ $dst->rows("SELECT $my FROM shop.$t") ];
        next if $x eq $y;
        my %there = map { $_ => 1 } split /\n/, $y;
        push @diff, "$t: " . ((grep { !$there{$_} } split /\n/, $x)[0] // 'rows that are not at the source');
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(!@diff, $what) or diag join "\n", @diff;
}
same('full load');
is($task->sql("SELECT string_agg(concat_ws(' ', kind, name, state, error), E'\\n') FROM dtsmig.task_objects WHERE task = 'st' AND state NOT IN ('done', 'skipped')"), '', 'every statement has run');
$src->sql(<<'END');
UPDATE film SET rental_rate = rental_rate + 0.5, special_features = '{"it''s \\ \"x\""}' WHERE film_id % 10 = 0;
UPDATE rental SET return_date = '2022-12-01 12:00:00.123456+00' WHERE return_date IS NULL AND rental_id % 2 = 0;
DELETE FROM film WHERE film_id BETWEEN 990 AND 1000;
UPDATE category SET name = 'ACTION' WHERE name = 'action';
UPDATE language SET language_id = 30 WHERE language_id = 3;
INSERT INTO payment (customer_id, rental_id, amount, payment_date) SELECT 1, i, 1, '2022-08-01'::timestamptz + i * interval '1 second' FROM generate_series(1, 100) i;
UPDATE payment SET payment_date = payment_date + interval '6 months' WHERE payment_id BETWEEN 1 AND 50;
INSERT INTO actor (first_name, last_name) VALUES ('😀', 'new');
END
same('changes, with cascades at the source and rows that change their partition');
is($dst->value("SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = 'shop'"), $src->value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'"), 'every foreign key is there');
isnt(($dst->mariadb('INSERT INTO shop.film_category VALUES (1, 99)'))[0], 0, 'and holds for others');
is($dst->value("SELECT auto_increment > 201 FROM information_schema.tables WHERE table_schema = 'shop' AND table_name = 'actor'"), 1, 'AUTO_INCREMENT is past the rows') if !$dst->{mysql} || $dst->{version} < 80000;
# the ledger is moved by somebody else, as another hub would
my $database = $dst->value("SELECT table_schema FROM information_schema.tables WHERE table_name = 'dtsmig_ledger'");
my $ledger = "$database.dtsmig_ledger SET value = '%s' WHERE `key` = 'position'";
$dst->sql('UPDATE ' . sprintf $ledger, '0/1');
$src->sql("INSERT INTO language (language_id, name) VALUES (77, 'late')");
ok($task->wait_status('failed', 60), 'a ledger that somebody has moved stops the task') or diag $task->report;
like($task->sql("SELECT string_agg(message, ';') FROM dtsmig.task_log"), qr/the ledger at server "dst_st" is not where this task has left it/, 'nothing is written there');
like($task->last_error, qr/the destination is behind what the catalog of the task has/, 'nor is it begun again');
is($dst->value('SELECT COUNT(*) FROM shop.language WHERE language_id = 77'), 0, 'no row has come');
$dst->sql('UPDATE ' . sprintf $ledger, $task->sql('SELECT applied_position FROM dtsmig.task_position'));
$task->resume;
same('with the right one it goes on');
$task->release;
$dst->sql("INSERT INTO shop.actor (first_name, last_name) VALUES ('a', 'b')");
is($dst->value('SELECT MAX(actor_id) FROM shop.actor'), 202, 'the next value is the source\'s');
done_testing();
