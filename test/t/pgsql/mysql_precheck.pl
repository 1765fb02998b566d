# The precheck where the destination is MySQL or MariaDB: each item both ways.
#
# dts-runs: mariadb, mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Precheck;
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::MariaDB->new->start;
my $new = $dst->{mysql} && $dst->{version} >= 80013;
my $fits = $dst->{version} < 50700 ? 191 : 768;
$dst->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; SET GLOBAL max_allowed_packet = 67108864");
$src->sql(<<"END");
CREATE SCHEMA s;
CREATE TABLE s.a (id integer PRIMARY KEY, t text UNIQUE);
CREATE TABLE s.no_key (a integer); ALTER TABLE s.no_key REPLICA IDENTITY FULL;
CREATE TABLE s.twins ("Name" integer PRIMARY KEY, "name" integer);
CREATE TABLE s.many (id integer PRIMARY KEY);
CREATE TABLE s.wide (id integer PRIMARY KEY);
CREATE TABLE s.nearly (id integer PRIMARY KEY);
INSERT INTO s.a VALUES (1, repeat('ä', $fits + 1)), (2, repeat('x', $fits));
END
$src->sql('ALTER TABLE s.many ' . join(', ', map { "ADD c$_ integer" } 1 .. 1017));
$src->sql('ALTER TABLE s.wide ' . join(', ', map { "ADD c$_ text" } 1 .. 400));
my $most = $dst->{mysql} ? 197 : 383;
$src->sql('ALTER TABLE s.nearly ' . join(', ', map { "ADD c$_ text" } 1 .. $most));

my $check = Dts::Precheck->new($src, $hub);
sub task
{
    my (%opt) = @_;
    return $check->task(destination => $dst, destination_db => '', destination_user => 'app', destination_password => 'pw', objects => [ map { { schema => 's', table => $_ } } @{ $opt{tables} // ['a'] } ], %{ $opt{more} // {} });
}

my $task = task();
$check->by_hand($task, sub { $dst->sql($1) if $_[0]{destination_privileges}{advice} =~ /^Run at the destination: (.*)$/ },
    destination_privileges => [ 'failed', qr/^account 'app'\@'%' lacks: SELECT, INSERT, UPDATE, DELETE, TRIGGER, CREATE, DROP, ALTER, INDEX, REFERENCES on dtsmig_ledger; .* on s$/ ]);
$check->by_hand($task, sub { $src->sql('UPDATE s.a SET t = id::text') },
    key_lengths => [ 'failed', qr/column t of s\.a is in a key, where $fits characters is what fits, and holds a value of @{[ $fits + 1 ]}/ ]);
if ($dst->{version} < 50700)
{
    $src->sql(q{UPDATE s.a SET t = rpad('a', id, ' ')});
    $check->by_hand($task, sub { $src->sql('UPDATE s.a SET t = id::text') },
        key_lengths => [ 'failed', qr/column t of s\.a is in a key, and holds values that differ in blanks at their end alone/ ]);
}
$dst->sql('SET GLOBAL max_allowed_packet = 4194304');
$check->by_hand($task, sub { $dst->sql($1) if $_[0]{max_allowed_packet}{advice} =~ /(SET GLOBAL max_allowed_packet = \d+)/ },
    max_allowed_packet => [ 'warning', qr/4194304 bytes: a larger row stops the task/ ]);
$dst->sql('SET GLOBAL sync_binlog = 1; SET GLOBAL innodb_flush_log_at_trx_commit = 0');
$check->by_hand($task, sub { $dst->sql($1) if $_[0]{destination_durability}{advice} =~ /(SET GLOBAL innodb_flush_log_at_trx_commit = 1)/ },
    destination_durability => [ 'failed', qr/innodb_flush_log_at_trx_commit is 0: a crash of the server loses rows/ ]);
$dst->sql('SET GLOBAL sync_binlog = 0; SET GLOBAL innodb_flush_log_at_trx_commit = 2');
$check->by_hand($task, sub { $dst->sql($1) if $_[0]{destination_durability}{advice} =~ /^Run at the destination: (SET .* = 1); and/ },
    destination_durability => [ 'warning', qr/is 2, sync_binlog 0: a crash of the server's machine/ ]);
$dst->sql('SET GLOBAL read_only = 1');
$check->by_hand($task, sub { $dst->sql($1) if $_[0]{destination_writable}{advice} =~ /(SET GLOBAL read_only = 0)/ },
    destination_writable => [ 'failed', qr/read_only is on/ ]);
if ($new)
{
    my $keyless = task(tables => ['no_key']);
    $dst->sql('SET GLOBAL sql_require_primary_key = 1');
    $check->by_hand($keyless, sub { $dst->sql($1) if $_[0]{primary_key_required}{advice} =~ /(SET GLOBAL sql_require_primary_key = 0)/ },
        primary_key_required => [ 'failed', qr/sql_require_primary_key is on, and these have no primary key: s\.no_key/ ]);
}
else
{
    is($check->items(task(tables => ['no_key']))->{primary_key_required}{status}, 'passed', 'tables without a key can be made');
}

# tables that are there
$dst->sql('CREATE DATABASE s; CREATE TABLE s.a (id INT PRIMARY KEY)');
$check->by_hand($task, sub { $dst->sql($1) if $_[0]{same_name_tables}{advice} =~ /^Run at the destination: (DROP TABLE [^;]+);/ },
    same_name_tables => [ 'failed', qr/^table `s`\.`a` exists at the destination$/ ]);
my $rows = task(more => { types => [ 'full', 'incremental' ] });
$check->by_hand($rows, sub { $dst->sql('CREATE TABLE s.a (id INT PRIMARY KEY, t VARCHAR(20) UNIQUE)') },
    same_name_tables => [ 'failed', qr/table `s`\.`a` does not exist, and schema migration was not asked for/ ]);
$dst->sql('CREATE TRIGGER s.act BEFORE INSERT ON s.a FOR EACH ROW SET NEW.t = 1');
$check->by_hand($rows, sub { $dst->sql('DROP TRIGGER s.act') },
    session_replication_role => [ 'warning', qr/triggers act on the rows that arrive: act of `s`\.`a`/ ]);
$dst->sql('ALTER TABLE s.a ENGINE = MyISAM');
$check->by_hand($rows, sub { $dst->sql('ALTER TABLE s.a ENGINE = InnoDB') },
    destination_tables => [ 'failed', qr/`s`\.`a` takes no rows: / ]);
$dst->sql('DROP TABLE s.a');

# what cannot be made
my $items = $check->items(task(tables => ['twins']));
is($items->{name_collision}{status}, 'failed', 'columns that differ in case alone');
like($items->{name_collision}{found}, qr/columns Name and name of s\.twins would both become Name, since their names differ in case alone/, 'the pair is named');
is($check->items($task)->{name_collision}{status}, 'passed', 'without such columns it passes');
$items = $check->items(task(tables => [ 'many', 'wide' ]));
is($items->{schema_change}{status}, 'failed', 'tables that InnoDB does not take');
like($items->{schema_change}{found}, qr/table many of s\.many: it has 1018 columns, and InnoDB takes 1017/, 'too many columns');
# where it is not strict the table is made, and a row can be too long
$items = $check->items(task(tables => ['wide'])) if $dst->{version} < 50700;
is($items->{schema_change}{status}, $dst->{version} < 50700 ? 'warning' : 'failed', 'a row that can be too long');
like($items->{schema_change}{found}, qr/table wide of s\.wide: a row has \d+ bytes at least within its page, and InnoDB takes 8126/, 'too long a row');

# the longest row that fits
is($check->items(task(tables => ['nearly']))->{schema_change}{status}, 'passed', "a table of $most texts can be made");
if ($dst->{version} >= 50700)
{
    my $nearly = task(tables => ['nearly'], more => { types => ['schema'] });
    $nearly->start->wait_status('completed', 60);
    $src->sql('ALTER TABLE s.nearly ADD more text');
    is($check->items(task(tables => ['nearly']))->{schema_change}{status}, 'failed', 'and one of one more cannot');
}

# names of tables in lower case
$dst->stop;
my $lower = Dts::MariaDB->new(lower_names => 1)->start;
$lower->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO app\@'%'; SET GLOBAL max_allowed_packet = 67108864");
$src->sql('CREATE TABLE s."Upper" (id integer PRIMARY KEY); CREATE TABLE s.upper (id integer PRIMARY KEY)');
my %there = (destination => $lower, destination_db => '', destination_user => 'app', destination_password => 'pw');
my $upper = $check->task(%there, objects => [ { schema => 's', table => 'Upper' } ]);
$check->by_hand($upper, sub { $check->task(%there, objects => [ { schema => 's', table => 'Upper', target_table => 'other' } ]) },
    lower_case_table_names => [ 'warning', qr/lower_case_table_names is 1: .*: Upper/ ]);
like($check->items($check->task(%there, objects => [ { schema => 's', table => 'Upper' }, { schema => 's', table => 'upper' } ]))->{name_collision}{found}, qr/tables s\.Upper and s\.upper would both become Upper/, 'tables that are one at the destination');
$upper->start->wait_for('incremental', 60);
$src->sql('INSERT INTO s."Upper" VALUES (1)');
$upper->catch_up(60);
is($lower->value('SELECT COUNT(*) FROM s.upper'), 1, 'rows of a table whose name is in lower case at the destination');
done_testing();
