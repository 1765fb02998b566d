# preview_schema, the dry run: whatever is lost, renamed, or indexed in another
# way is a row with its note; nothing is made.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Dts::PgSource;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(preload => 0);
my $name = 'a_very_long_%s_name_that_goes_on_and_on_until_the_limit_is';
my ($table, $column) = map { my $n = sprintf $name, $_; $n . 'x' x (64 - length $n) } qw(table column);
$my->sql(<<"END");
SET sql_mode = '';
CREATE DATABASE sc DEFAULT CHARACTER SET utf8mb4;
USE sc;
CREATE TABLE Types (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    ti tinyint(1) DEFAULT 1, zf int(8) zerofill, bu bigint unsigned, d date NOT NULL, dz date DEFAULT '0000-00-00',
    t time DEFAULT '-01:00:00', ts timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
    v varchar(20) COLLATE utf8mb4_general_ci, vb varchar(20) COLLATE utf8mb4_bin, j json, g geometry, fl float(7,3),
    hidden int INVISIBLE, gv int GENERATED ALWAYS AS (ti + 1) VIRTUAL, gx varchar(40) GENERATED ALWAYS AS (soundex(v)) STORED,
    dx varchar(40) DEFAULT (soundex('x')), long_text longtext, latin varchar(10) CHARACTER SET latin1,
    $column int, gone int, other_name int,
    KEY pre (v(5)), UNIQUE KEY upre (vb(5)), FULLTEXT KEY ft (long_text), KEY ig (ti) IGNORED, KEY same_name (bu),
    KEY wide (long_text(700)), UNIQUE KEY utext (latin),
    CONSTRAINT ckx CHECK (soundex(v) <> 'x'));
INSERT INTO Types (ti, d, ts) VALUES (1, '0000-00-00', '2020-01-01 00:00:00');
CREATE TABLE shp (id int PRIMARY KEY, g point NOT NULL, SPATIAL KEY sp (g));
CREATE TABLE other (id int PRIMARY KEY, v int, tid bigint unsigned, KEY same_name (v), CONSTRAINT fk FOREIGN KEY (tid) REFERENCES Types (id));
CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2;
CREATE TABLE kept (id int PRIMARY KEY) WITH SYSTEM VERSIONING;
CREATE TABLE times (id int PRIMARY KEY, a date, b date, PERIOD FOR p (a, b));
CREATE TABLE $table (id int PRIMARY KEY);
CREATE TABLE digest (id int PRIMARY KEY, v text, UNIQUE KEY ux (v));
CREATE TABLE absent (id int PRIMARY KEY);
CREATE TABLE orphan (id int PRIMARY KEY, a int, CONSTRAINT lost FOREIGN KEY (a) REFERENCES absent (id));
CREATE VIEW bad AS SELECT soundex(v) AS x FROM Types;
END
Dts::Task->new($my, $pg, name => 'sc', db => 'sc', objects => [ { schema => 'sc' }, { schema => 'sc', table => 'absent', exclude => JSON::PP::true },
    { schema => 'sc', table => 'kept', target_schema => 'old', target_table => 'renamed' },
    { schema => 'sc', table => 'Types', columns => { gone => undef, other_name => 'new_name' } } ]);

# Each of these is a row of its own: kind, object, note.
sub rows_of { my ($task) = @_; return $pg->rows("SELECT kind, object, coalesce(note, ''), statement IS NOT NULL FROM dtsmig.preview_schema('$task')"); }
sub has
{
    my ($rows, $what, $kind, $object, $note) = @_;
    my @hit = grep { $_->[0] eq $kind && $_->[1] =~ $object && $_->[2] =~ $note } @$rows;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(scalar @hit, 1, $what) or diag join "\n", map { join ' | ', @$_ } grep { $_->[0] eq $kind && $_->[2] ne '' } @$rows;
}
my @my = rows_of('sc');
has(\@my, 'unsigned AUTO_INCREMENT', table => qr/^types$/, qr/^id: bigint unsigned with auto_increment becomes bigint/);
has(\@my, 'both ends of a foreign key', table => qr/^other$/, qr/^tid: bigint instead of numeric\(20,0\)/);
has(\@my, 'zerofill', table => qr/^types$/, qr/^zf: zerofill/);
has(\@my, 'NOT NULL and zero dates', table => qr/^types$/, qr/^NOT NULL is dropped.*: d$/);
has(\@my, 'a default that is no date', table => qr/^types$/, qr/^dz: DEFAULT '0000-00-00' is no date/);
has(\@my, 'a default out of range', table => qr/^types$/, qr/^t: DEFAULT '-01:00:00' is out of range/);
has(\@my, 'a default that does not translate', table => qr/^types$/, qr/^dx: DEFAULT soundex/);
has(\@my, 'comparison without regard to case', table => qr/^types$/, qr/^text that compares without regard to case.*: v, gx, dx, long_text, latin$/);
has(\@my, 'JSON that was text', table => qr/^types$/, qr/^j: a text with JSON in it becomes jsonb/);
has(\@my, 'digits of FLOAT', table => qr/^types$/, qr/^fl: float\(7,3\) is not rounded/);
has(\@my, 'geometry without PostGIS', table => qr/^types$/, qr/^PostGIS is not installed.*: g$/);
has(\@my, 'an invisible column', table => qr/^types$/, qr/^hidden: invisible/);
has(\@my, 'a virtual column', table => qr/^types$/, qr/^gv: a virtual column/);
has(\@my, 'a generated column that does not translate', table => qr/^types$/, qr/^gx: generated as soundex/);
has(\@my, 'partitions', table => qr/^parts$/, qr/^partitioned at the source, a plain table/);
has(\@my, 'system versioning', table => qr/^renamed$/, qr/^system-versioned/);
has(\@my, 'a period', table => qr/^times$/, qr/^application-time period/);
has(\@my, 'an index on a prefix', index => qr/^pre$/, qr/for the first 5 characters of v/);
has(\@my, 'a unique one', index => qr/^upre$/, qr/for the first 5 characters of vb/);
has(\@my, 'an entry that a btree cannot hold', index => qr/^wide$/, qr/can take 2800 bytes/);
has(\@my, 'FULLTEXT', index => qr/^ft$/, qr/^FULLTEXT becomes a GIN index/);
has(\@my, 'FULLTEXT of long texts', index => qr/^ft$/, qr/^the first \d+ characters/);
has(\@my, 'an ignored index', index => qr/^ig$/, qr/^invisible \(ignored\)/);
has(\@my, 'unique without regard to case', index => qr/^utext$/, qr/differ in case alone/);
has(\@my, 'unique over a long text', index => qr/^ux$/, qr/^unique on md5\(v\)/);
has(\@my, 'SPATIAL', index => qr/^sp$/, qr/^SPATIAL index not built/);
has(\@my, 'a check that does not translate', check => qr/^ckx$/, qr/not made/);
has(\@my, 'a foreign key without its parent', 'foreign key' => qr/^lost$/, qr/absent/);
has(\@my, 'ON UPDATE CURRENT_TIMESTAMP', function => qr/^types_ts_on_update$/, qr/two triggers/);
has(\@my, 'a view that does not translate', view => qr/^bad$/, qr/not made/);
has(\@my, 'a name by its case', rename => qr/^types$/, qr/^table sc\.Types becomes types \(case\)$/);
has(\@my, 'a table\'s name by its length', rename => qr/^a_very_long_table/, qr/^table sc\.\Q$table\E becomes \S+ \(length\)$/);
has(\@my, 'a column\'s name by its length', rename => qr/^a_very_long_column/, qr/^column sc\.Types\.\Q$column\E becomes \S+ \(length\)$/);
has(\@my, 'an index\'s name that there is twice', rename => qr/^types_same_name$/, qr/^index sc\.Types\.same_name becomes types_same_name \(collision\)$/);
has(\@my, 'a table\'s name by a rule', rename => qr/^renamed$/, qr/^table sc\.kept becomes old\.renamed \(rule\)$/);
has(\@my, 'a column\'s name by a rule', rename => qr/^new_name$/, qr/^column sc\.Types\.other_name becomes new_name \(rule\)$/);
has(\@my, 'a column that a rule leaves out', rename => qr/^gone$/, qr/^column sc\.Types\.gone is left out \(rule\)$/);
my %seen;
is_deeply([ grep { $seen{$_}++ } map { join '|', @$_[ 0 .. 2 ] } grep { $_->[2] ne '' } @my ], [], 'no note is reported twice');
is(scalar(grep { $_->[0] eq 'table' && $_->[1] eq 'types' && $_->[3] eq 't' } @my), 1, 'a statement is there once');
is($pg->value("SELECT count(*) FROM pg_namespace WHERE nspname IN ('sc', 'old')"), 0, 'nothing was made');

# --- PostgreSQL
my $src = Dts::PgSource->new->start;
$src->sql(<<'END');
CREATE ROLE stranger; CREATE ROLE guest;
CREATE SCHEMA app; CREATE SCHEMA secret;
CREATE TABLE app."Orders" (id int PRIMARY KEY, v text, "Gone" int);
CREATE TABLE app.moved (id int PRIMARY KEY);
CREATE TABLE secret.p (id int PRIMARY KEY);
CREATE TABLE app.child (id int PRIMARY KEY, p int CONSTRAINT up REFERENCES secret.p, owned int);
CREATE VIEW app.leak AS SELECT * FROM secret.p;
CREATE VIEW app.leak_more AS SELECT * FROM app.leak;
CREATE FUNCTION app.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION app.body() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM app.moved); END';
CREATE TRIGGER always BEFORE INSERT ON app.child FOR EACH ROW EXECUTE FUNCTION app.noop();
ALTER TABLE app.child ENABLE ALWAYS TRIGGER always;
ALTER TABLE app.child ENABLE ROW LEVEL SECURITY;
CREATE POLICY strange ON app.child TO stranger USING (true);
ALTER TABLE app.child OWNER TO stranger;
GRANT SELECT ON app.child TO guest;
END
Dts::Task->new($src, $pg, name => 'pg', db => 'postgres', options => { name_case => 'lower', owners => JSON::PP::true, grants => JSON::PP::true },
    objects => [ { schema => 'app' }, { schema => 'app', table => 'moved', target_schema => 'there', target_table => 'away' } ]);
my @pg = rows_of('pg');
has(\@pg, 'PostgreSQL: a name by its case', rename => qr/^orders$/, qr/^table app\.Orders becomes orders \(case\)$/);
has(\@pg, 'PostgreSQL: a column\'s', rename => qr/^gone$/, qr/^column app\.Orders\.Gone becomes gone \(case\)$/);
has(\@pg, 'PostgreSQL: a name by a rule', rename => qr/^away$/, qr/^table app\.moved becomes there\.away \(rule\)$/);
has(\@pg, 'PostgreSQL: a foreign key without its parent', 'foreign key' => qr/up/, qr/secret\.p, which is not selected/);
has(\@pg, 'PostgreSQL: a view over what is not selected', view => qr/leak$/, qr/secret\.p, which is not selected/);
has(\@pg, 'PostgreSQL: a view over that', view => qr/leak_more$/, qr/app\.leak, which is left out/);
has(\@pg, 'PostgreSQL: a trigger that is always on', trigger => qr/always/, qr/enabled always/i);
has(\@pg, 'PostgreSQL: a policy for a role that is not at the destination', policy => qr/strange/, qr/role "stranger"/);
has(\@pg, 'PostgreSQL: an owner that is not at the destination', owner => qr/child/, qr/no role "stranger"; the task's role owns it/);
has(\@pg, 'PostgreSQL: a right for a role that is not at the destination', grant => qr/child/, qr/no role "guest"/);
has(\@pg, 'PostgreSQL: a body that mentions another name', function => qr/body\(\)/, qr/its body mentions app\.moved/);
is($pg->value("SELECT count(*) FROM pg_namespace WHERE nspname IN ('app', 'there')"), 0, 'nothing was made');
done_testing();
