# Names of a PostgreSQL source that differ in case alone are different names: of
# schemas, tables, columns, of keys made of such columns, and in DDL.
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
my @schemas = qw(s S);
for my $s (@schemas)
{
    $src->sql(qq{CREATE SCHEMA "$s"; SET search_path = "$s";} . <<'END');
CREATE TABLE one ("id" int, "ID" int PRIMARY KEY, "Id" text, v text);
CREATE TABLE three ("id" int, "ID" int, "Id" int, v text, PRIMARY KEY ("Id", "ID", "id"));
CREATE TABLE second (v text, "Key" int, "key" int NOT NULL UNIQUE);
ALTER TABLE second REPLICA IDENTITY USING INDEX second_key_key;
CREATE TABLE whole ("a" int, "A" int); ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE names (id int PRIMARY KEY, v text); CREATE TABLE "Names" (id int PRIMARY KEY, v text); CREATE TABLE "NAMES" ("ID" int PRIMARY KEY, id text);
CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES one ON DELETE CASCADE, "P" int);
INSERT INTO one VALUES (7, 1, 'a', 'x'), (7, 2, 'b', 'y'), (1, 3, 'c', 'z'); INSERT INTO three VALUES (1, 2, 3, 'x'), (3, 2, 1, 'y'), (1, 1, 1, 'z');
INSERT INTO second VALUES ('x', 2, 1), ('y', 1, 2); INSERT INTO whole VALUES (1, 2), (2, 1), (1, 2);
INSERT INTO names VALUES (1, 'n'), (2, 'm'); INSERT INTO "Names" VALUES (1, 'N'); INSERT INTO "NAMES" VALUES (1, 'x');
INSERT INTO child VALUES (1, 1, 2), (2, 2, 1);
END
}
my $task = Dts::Task->new($src, $pg, name => 'c', objects => [ map { { schema => $_ } } @schemas ]);
$task->start->wait_for('incremental', 60);
same_pg_tables($src, $pg, 'full load', schemas => \@schemas);
for my $s (@schemas)
{
    my $n = $s eq 's' ? 10 : 20;
    $src->sql(qq{SET search_path = "$s";} . <<"END");
UPDATE one SET v = 'changed' WHERE "ID" = 2; UPDATE one SET "ID" = $n WHERE "ID" = 3; UPDATE one SET "id" = 1 WHERE "ID" = $n;
UPDATE three SET v = 'c' WHERE "Id" = 3; UPDATE three SET "Id" = $n, "id" = "ID" WHERE v = 'z'; DELETE FROM three WHERE "id" = 3;
UPDATE second SET v = 'c' WHERE "key" = 2; UPDATE second SET "key" = $n WHERE "Key" = 2;
DELETE FROM whole WHERE "a" = 2; UPDATE whole SET "A" = $n WHERE ctid = (SELECT min(ctid) FROM whole);
UPDATE names SET v = 'c' WHERE id = 1; UPDATE "Names" SET id = $n; INSERT INTO "NAMES" VALUES ($n, 'new'); DELETE FROM names WHERE id = 2;
DELETE FROM one WHERE "ID" = 1;
ALTER TABLE one RENAME COLUMN "Id" TO "iD"; ALTER TABLE one ADD COLUMN "V" int DEFAULT 5; UPDATE one SET "iD" = 'r', v = 'w';
ALTER TABLE "NAMES" RENAME TO "nAMES"; INSERT INTO "nAMES" VALUES (3, 'r'); DROP TABLE "Names"; CREATE TABLE "NAMES" ("Id" int PRIMARY KEY, "id" int); INSERT INTO "NAMES" VALUES (1, 2);
END
}
$task->catch_up(60);
same_pg_tables($src, $pg, 'changes and DDL', schemas => \@schemas);
is($pg->sql("SELECT count(*) FROM dtsmig.verify('c')"), 0, 'verify finds nothing');
done_testing();
