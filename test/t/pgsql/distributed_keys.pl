# A distributed destination: a key that can be NULL is none by which rows are found.
use strict;
use warnings;
use Test::More;
use Dts::Keepers qw(stand_in);
use Dts::Postgres;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
stand_in($dst, 'citus');
$dst->sql('CREATE EXTENSION citus');
$src->sql(<<'END');
CREATE SCHEMA dist; SET search_path = dist;
CREATE TABLE loose (a int UNIQUE, b text); ALTER TABLE loose REPLICA IDENTITY FULL;
CREATE TABLE tight (a int NOT NULL UNIQUE, b text); ALTER TABLE tight REPLICA IDENTITY FULL;
INSERT INTO loose VALUES (NULL, 'x'), (NULL, 'x'), (1, 'y'); INSERT INTO tight VALUES (1, 'x');
CREATE TABLE kind (id int PRIMARY KEY, name text UNIQUE); INSERT INTO kind VALUES (1, 'k');
CREATE TABLE item (kind int REFERENCES kind ON UPDATE CASCADE, id int, PRIMARY KEY (kind, id)); INSERT INTO item VALUES (1, 1);
END
my $task = Dts::Task->new($src, $hub, name => 'dist', destination => $dst, objects => [ { schema => 'dist' }, { schema => 'dist', table => 'kind', distribution_key => 'reference' } ]);
my @plan = map { join ' ', map { $_ // '' } @$_ } $hub->rows("SELECT kind, object, statement, note FROM dtsmig.preview_schema('dist') WHERE kind IN ('distribution', 'foreign key')");
note join "\n", @plan;
like("@plan", qr/distribution loose .*on the coordinator/, 'a key that can be NULL: on the coordinator');
like("@plan", qr/create_distributed_table\('dist\.tight', 'a'/, 'one that cannot: distributed');
like("@plan", qr/foreign key .*kind.*its action would change/, 'a foreign key to a reference table that would change the distribution column');
$task->start->wait_for('incremental', 60);
$src->sql("INSERT INTO dist.loose VALUES (NULL, 'z'); DELETE FROM dist.loose WHERE a = 1; UPDATE dist.tight SET a = 2");
$task->catch_up(60);
is($dst->value('SELECT count(*) FROM dist.loose WHERE a IS NULL'), 3, 'rows with NULL');
is($dst->value("SELECT string_agg(a::text, ',') FROM dist.tight"), '2', 'and those with a key');
$task->release->drop;
done_testing();
