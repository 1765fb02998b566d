# The precheck of a task from the MySQL family: each item is found where
# something is wrong, and passes after what it says has been done.
#
# dts-needs: mariadb-plugins mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Env qw(run_as server_user);
use Dts::Kinds qw(plugin_dir);
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Precheck;
use Dts::Task;

my $my = Dts::MariaDB->new(binlog => 0, args => [ '--plugin-maturity=unknown', '--plugin-dir=' . plugin_dir() ])->start;
my $pg = Dts::Postgres->new(conf => 'max_worker_processes = 3')->start;
$pg->sql('CREATE EXTENSION dtsmig');
my $check = Dts::Precheck->new($my, $pg);

# --------------------------------------------- tables, and settings for good
$my->sql(<<'END');
SET sql_mode = '';
CREATE DATABASE shop; USE shop;
CREATE TABLE good (id int PRIMARY KEY, v varchar(20) CHARACTER SET cp1251, hidden int INVISIBLE,
    twice int AS (id * 2) STORED, KEY prefix (v(5)), KEY unused (hidden) IGNORED);
CREATE TABLE nokey (a int);
CREATE TABLE oldengine (id int PRIMARY KEY) ENGINE = MyISAM;
CREATE TABLE odd (id int PRIMARY KEY, d date DEFAULT '0000-00-00', t time DEFAULT '-01:00:00');
CREATE TABLE dates (id int PRIMARY KEY, d date NOT NULL DEFAULT '0000-00-00');
CREATE TABLE texts (id int PRIMARY KEY, v text, FULLTEXT KEY words (v));
CREATE TABLE shapes (id int PRIMARY KEY, g geometry NOT NULL, SPATIAL KEY around (g));
CREATE TABLE Mixed (id int PRIMARY KEY);
CREATE TABLE mixed (id int PRIMARY KEY);
CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2;
CREATE TABLE kept (id int PRIMARY KEY) WITH SYSTEM VERSIONING;
CREATE TABLE times (id int PRIMARY KEY, a date, b date, PERIOD FOR p (a, b));
CREATE SEQUENCE seq;
CREATE TRIGGER good_bi BEFORE INSERT ON good FOR EACH ROW SET NEW.hidden = 1;
CREATE DATABASE fam; USE fam;
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, p int, CONSTRAINT up FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
CREATE DATABASE vals; USE vals;
CREATE TABLE v (id int PRIMARY KEY, yes tinyint(1), t time, d date);
INSERT INTO v VALUES (1, 5, '-01:00:00', '0000-00-00');
CREATE VIEW seen AS SELECT id FROM v;
CHANGE MASTER TO master_host = '127.0.0.1', master_port = 1, master_user = 'nobody';
SET sql_log_bin = 0;
END
(my $password = $my->{password}) =~ s/'/''/g;
$my->sql("CREATE USER poor\@'%' IDENTIFIED BY '$password'; GRANT INSERT ON vals.v TO poor\@'%'; GRANT SELECT ON mysql.* TO poor\@'%'");
$my->sql("GRANT INSERT ON vals.seen TO poor\@'%'");

$pg->sql("CREATE SCHEMA shop; CREATE TABLE shop.good (id int PRIMARY KEY, mine text); INSERT INTO shop.good VALUES (1, 'mine')");
my $task = $check->task(db => 'shop');
my $replica = $check->items($task)->{log_slave_updates};
is($replica->{status}, 'warning', 'log_slave_updates: the account may not see replication');
$check->fix($task, $replica);
$task = $check->both_ways($task,
    log_bin => [ 'failed', qr/off/ ],
    log_slave_updates => [ 'failed', qr/is a replica/ ],
    keys => [ 'warning', qr/shop\.nokey/ ],
    storage_engine => [ 'warning', qr/shop\.oldengine/ ],
    defaults => [ 'warning', qr/odd\.d \('0000-00-00'\), shop\.odd\.t \('-01:00:00'\)/ ],
    zero_dates => [ 'warning', qr/shop\.dates\.d/ ],
    fulltext_indexes => [ 'warning', qr/texts\.words/ ],
    name_collision => [ 'failed', qr/mixed/ ],
    same_name_tables => [ 'failed', qr/table shop\.good exists/ ],
    worker_slots => [ 'failed', qr/of 3 background worker slots/ ],
    preload => [ 'warning', qr/shared_preload_libraries/ ]);
is($pg->value('SELECT mine FROM shop_before.good'), 'mine', 'the table that was in the way is kept, with its row');
is($pg->value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'shop_before'"), 1, 'and its index');
is($my->value('INSERT INTO shop.nokey VALUES (1); SELECT a FROM shop.nokey'), '1', 'the key that was added is in nobody\'s way');

# What is said alone, and passes.
my $items = $check->items($task);
my %said = (connectivity => qr/MariaDB .* as mig/, source_version => qr/MariaDB/, privileges => qr/tables can be read/,
    replication => qr/may read the binlog/, server_id => qr/server_id is \d/, objects => qr/tables are selected/,
    column_types => qr/known/, invisible_columns => qr/good\.hidden/, generated_columns => qr/good\.twice/,
    prefix_indexes => qr/good\.prefix/, invisible_indexes => qr/good\.unused/, character_sets => qr/cp1251/,
    partitioned_tables => qr/shop\.parts/, system_versioned_tables => qr/shop\.kept/, sequences => qr/shop\.seq/,
    encoding => qr/UTF8/, destination_role => qr/postgres/, destination_privileges => qr/postgres/,
    session_replication_role => qr/are disabled/, destination_writable => qr/writes/, disk_space => qr/MB/);
for (sort keys %said)
{
    is($items->{$_}{status}, 'passed', "$_ passes");
    like($items->{$_}{found} // '', $said{$_}, "$_: what is found");
}
my %known = map { $_->[0] => 1 } $pg->rows('SELECT item FROM dtsmig.precheck_items');
is_deeply([ grep { !$known{$_} } keys %$items ], [], 'precheck_items has every item');

# --- ignore: warnings only, recorded
my $name = $task->{name};
$pg->sql("SELECT dtsmig.ignore_precheck('$name', 'routines'); SELECT dtsmig.ignore_precheck('$task->{id}', 'application_time_periods')");
is($pg->value("SELECT string_agg(DISTINCT status || ' ' || ignored_by, ',') FROM dtsmig.precheck_results WHERE task = '$name' AND item IN ('routines', 'application_time_periods')"), 'ignored postgres', 'ignored, and by whom');
is($check->items($task)->{routines}{status}, 'ignored', 'the next precheck keeps to it');
like($pg->sql("SELECT message FROM dtsmig.task_log WHERE task = '$name'"), qr/"routines" of the precheck are ignored, says postgres/, 'and the log has it');
$pg->sql("SELECT dtsmig.ignore_precheck('$name', 'routines', false)");
is($check->items($task)->{routines}{status}, 'warning', 'not any more');
like($pg->error("SELECT dtsmig.ignore_precheck('$name', 'nonsense')"), qr/22023.*no item "nonsense"/s, 'an item that there is not');
$pg->sql("SELECT dtsmig.ignore_precheck('$name', 'application_time_periods', false)");
like($check->items($task)->{routines}{found}, qr/1 triggers.*cannot see scheduled events, for it lacks the privilege EVENT/, 'what the account cannot see is said');
$my->sql("GRANT EVENT ON shop.* TO mig\@'%'");
unlike($check->items($task)->{routines}{found}, qr/cannot see/, 'and not where it can');
$check->by_hand($task, sub { $my->sql('DROP TRIGGER shop.good_bi; ALTER TABLE shop.times DROP PERIOD FOR p') },
    routines => [ 'warning', qr/1 triggers/ ],
    application_time_periods => [ 'warning', qr/shop\.times/ ]);

# --- a type that is not known
$my->sql(q{INSTALL SONAME 'type_mysql_timestamp'; CREATE DATABASE types; CREATE TABLE types.t (id int PRIMARY KEY, at type_mysql_timestamp NULL)});
$check->by_hand($check->task(db => 'types'), sub { $my->sql('ALTER TABLE types.t MODIFY at timestamp NULL') },
    column_types => [ 'failed', qr/types\.t\.at \(type_mysql_timestamp\)/ ]);

# --- extensions
$task = $check->both_ways($task, spatial_indexes => [ 'warning', qr/PostGIS/ ], extensions => [ 'warning', qr/geometry becomes bytea/ ]);
$pg->sql('DROP EXTENSION postgis');
# the tables of shop are of no further use but one
$my->sql('CREATE DATABASE small; CREATE TABLE small.t (id int PRIMARY KEY, v varchar(20))');
$task = $check->task(db => 'small', options => { ci_collation => 'citext' });
$task = $check->both_ways($task, extensions => [ 'failed', qr/ci_collation is citext/ ]);

# --- settings of the binlog
$my->sql(q{SET GLOBAL binlog_format = 'STATEMENT'; SET GLOBAL binlog_row_image = 'MINIMAL'; SET GLOBAL binlog_expire_logs_seconds = 7200});
$task = $check->task(db => 'small');
is($pg->error("SELECT dtsmig.ignore_precheck('$task->{name}', 'binlog_format')"), '', 'what has not failed can be ignored');
$check->items($task);
like($pg->error("SELECT dtsmig.ignore_precheck('$task->{name}', 'binlog_format')"), qr/55000.*only warnings can be ignored/s, 'what has failed can not');
is($check->items($task)->{binlog_format}{status}, 'failed', 'and stays failed, although it was ignored before');
$task->start;
ok($task->wait_status('precheck_failed', 120), 'such a task does not start');
my $alert = "SELECT state || ': ' || message FROM dtsmig.alerts WHERE kind = 'failed' AND task = '$task->{name}'";
is($pg->value($alert), 'raised: it has not been started: the precheck failed (binlog_format)', 'which is an alert');
$task = $check->both_ways($task,
    binlog_format => [ 'failed', qr/STATEMENT/ ],
    binlog_row_image => [ 'warning', qr/MINIMAL/ ],
    binlog_retention => [ 'warning', qr/kept for 2 hours/ ]);
$task->start;
$task->wait_for('incremental', 120);
ok($pg->poll_query("SELECT ($alert) LIKE 'cleared: %'", 60), 'the alert is over when it has been started');
$task->release;
$task = $check->task(db => 'small', options => { conflict => 'ignore' });
$my->sql("CREATE TABLE mysql.rds_configuration (name varchar(40), value int); INSERT INTO mysql.rds_configuration VALUES ('binlog retention hours', 24);
    CREATE PROCEDURE mysql.rds_set_configuration(n varchar(40), v int) UPDATE mysql.rds_configuration SET value = v WHERE name = n");
$task = $check->both_ways($task, binlog_retention => [ 'warning', qr/kept for 24 hours/ ]);
is($check->items($check->task(db => 'small', types => ['incremental']))->{binlog_retention}{status}, 'passed', 'a day is enough without a full load');
# statistics for what is asked about the disk's room further on
my $free = $check->items($task)->{disk_space}{found} =~ /has (\d+) MB/ ? $1 * 64 : 0;
$my->sql("CREATE DATABASE room; CREATE TABLE room.much (id int PRIMARY KEY); CREATE TABLE room.more (id int PRIMARY KEY);
    UPDATE mysql.innodb_table_stats SET clustered_index_size = " . int($free * 0.75) . " WHERE database_name = 'room' AND table_name = 'much';
    UPDATE mysql.innodb_table_stats SET clustered_index_size = " . ($free * 4) . " WHERE database_name = 'room' AND table_name = 'more'");
push @{ $my->{args} }, '--binlog-format=ROW', '--binlog-ignore-db=small';
$my->stop; $my->start;
$check->by_hand($task, sub { pop @{ $my->{args} }; $my->stop; $my->start('--version=10.5.29-MariaDB') },
    binlog_filters => [ 'failed', qr/: small$/ ]);
# a server of today that says it is an old one, for that is what is asked
# (and then has no TLS, which MariaDB 11.4 and later have by themselves)
$check->by_hand($task, sub { push @{ $my->{args} }, '--skip-ssl'; $my->stop; $my->start },
    source_version => [ 'warning', qr/MariaDB 10\.5\.29/ ]);

# --- the line
my $off = $check->task(db => 'small', server => "ssl_mode 'disable'");
$items = $check->items($off);
is($items->{tls}{status}, 'warning', 'tls: a warning');
$check->fix($off, $items->{tls});
$items = $check->items($off);
is(scalar keys %$items, 1, 'nothing else could be looked at');
$check->by_hand($off, sub { $pg->sql("ALTER SERVER src_$off->{name} OPTIONS (SET ssl_mode 'prefer')") },
    connectivity => [ 'failed', qr/TLS|SSL/i ]);
$pg->sql("ALTER USER MAPPING FOR CURRENT_USER SERVER src_$off->{name} OPTIONS (SET password 'falsch')");
$items = $check->items($off);
like($items->{connectivity}{found}, qr/Access denied/, 'connectivity: a wrong password');
unlike($items->{connectivity}{found} . $items->{connectivity}{advice}, qr/falsch/, 'which is not shown');
my ($mapping) = $items->{connectivity}{advice} =~ /(ALTER USER MAPPING [^;]*SERVER \S+ OPTIONS \()/;
$pg->sql("$mapping SET user 'mig', SET password '$password')");
$items = $check->items($off);
is($items->{connectivity}{status}, 'passed', 'connectivity: passes after the statement that it shows');
like($items->{tls}{found}, qr/offers no TLS/, 'tls: the source has none');

# --- the account at the source
$task = $check->task(db => 'vals', user => 'poor');
$task = $check->both_ways($task,
    privileges => [ 'failed', qr/1 of 1 tables cannot be read/ ],
    replication => [ 'failed', qr/lacks REPLICATION SLAVE/ ],
    view_definitions => [ 'warning', qr/vals\.seen/ ]);

# --- what the rows hold
$task = $check->task(db => 'vals', options => { tinyint1 => 'boolean', zero_date => 'error' });
$task = $check->both_ways($task,
    boolean_values => [ 'failed', qr/v\.yes has values other/ ],
    time_values => [ 'failed', qr/v\.t has values outside/ ],
    zero_date_values => [ 'failed', qr/v\.d has zero dates/ ]);

# --- rules
$task = $check->task(db => 'fam', objects => [ { schema => 'fam', table => 'child' } ]);
$task = $check->both_ways($task,
    foreign_key_parents => [ 'warning', qr/child\.up \(fam\.parent\)/ ],
    foreign_key_cascades => [ 'failed', qr/child\.up \(fam\.parent\)/ ]);
like($check->items($task)->{foreign_key_cascades}{found}, qr/followed at the destination/, 'cascades among selected tables are followed');
sub fixed { my @objects = @_; return sub { $check->task(db => 'fam', objects => \@objects) } }
my @fam = ({ schema => 'fam' });
$check->by_hand($check->task(db => 'fam', objects => [ { schema => 'fam', table => 'nothing' } ]), fixed(@fam),
    objects => [ 'failed', qr/names table fam\.nothing.*no table is selected/s ]);
$check->by_hand($check->task(db => 'fam', objects => [ @fam, { schema => 'nowhere', table => 'a%' } ]), fixed(@fam),
    objects => [ 'failed', qr/names schema nowhere/ ]);
my %child = (schema => 'fam', table => 'child');
$check->by_hand($check->task(db => 'fam', objects => [ @fam, { %child, columns => { nope => 'x' } } ]), fixed(@fam, { %child, columns => { p => 'x' } }),
    columns => [ 'failed', qr/column "nope", which table "fam"\."child" does not have/ ]);
$check->by_hand($check->task(db => 'fam', objects => [ @fam, { %child, set => { q => 'nope + 1' } } ]), fixed(@fam, { %child, set => { q => 'p + 1' } }),
    expressions => [ 'failed', qr/column "nope" does not exist/ ]);
$my->sql('CREATE VIEW fam.odd AS SELECT soundex(id) AS s FROM fam.child');
$check->by_hand($check->task(db => 'fam'), sub { $my->sql('DROP VIEW fam.odd') },
    schema_change => [ 'warning', qr/view odd/ ]);

# --- the role at the destination
$pg->sql("CREATE ROLE joe; CREATE SCHEMA fam; CREATE TABLE fam.parent (id int PRIMARY KEY); GRANT USAGE ON FOREIGN SERVER src_$task->{name} TO joe");
$pg->sql("ALTER ROLE joe LOGIN");
$task = $check->task(db => 'fam', role => 'postgres', options => { conflict => 'ignore' });
$pg->sql("CREATE USER MAPPING FOR joe SERVER src_$task->{name} OPTIONS (user 'mig', password '$password'); GRANT USAGE ON FOREIGN SERVER src_$task->{name} TO joe");
$pg->sql("SELECT dtsmig.create_task('joes', source => 'src_$task->{name}', options => '{\"conflict\": \"ignore\"}')", role => 'joe');
my $joes = bless { %$task, name => 'joes' }, ref $task;
$pg->sql('ALTER ROLE joe NOLOGIN');
like($pg->sql("SELECT item || ' ' || status FROM dtsmig.precheck('joes')", options => '-c default_transaction_read_only=on'), qr/destination_role failed/, 'a read-only session can look, too');
$joes = $check->both_ways($joes,
    destination_role => [ 'failed', qr/joe may not log in/ ],
    destination_privileges => [ 'failed', qr/CREATE on the database, USAGE, CREATE on schema fam, ownership of fam\.parent/ ]);
$joes->start;
$joes->wait_for('incremental', 120);
pass('and such a task runs');
is($check->items($joes)->{same_name_tables}{status}, 'passed', 'its own tables are in nobody\'s way');
$joes->release;
$pg->sql('ALTER TABLE fam.parent OWNER TO postgres; ALTER TABLE fam.child OWNER TO postgres; REVOKE ALL ON fam.parent, fam.child FROM joe');
$pg->sql("SELECT dtsmig.create_task('rows', source => 'src_$task->{name}', migration_types => '{full,incremental}', options => '{\"conflict\": \"ignore\"}')", role => 'joe');
$joes = bless { %$task, name => 'rows' }, ref $task;
$joes = $check->both_ways($joes,
    destination_privileges => [ 'failed', qr/SELECT, INSERT, UPDATE, DELETE on fam\.child, .* on fam\.parent/ ],
    session_replication_role => [ 'failed', qr/does not own fam\.child, fam\.parent/ ]);
$joes->start;
$joes->wait_for('incremental', 120);
pass('such a task runs, too');
$joes->release;

# --- tables that are there
$pg->sql('CREATE TABLE fam.child (id int PRIMARY KEY)') if $pg->value("SELECT to_regclass('fam.child') IS NULL") eq 't';
$pg->sql('ALTER TABLE fam.child DROP COLUMN p CASCADE');
$task = $check->task(db => 'fam', types => [ 'full', 'incremental' ]);
$task = $check->both_ways($task, same_name_tables => [ 'failed', qr/fam\.child exists, and lacks columns: p/ ]);
$pg->sql('DROP TABLE fam.child');
$check->by_hand($task, sub { $pg->sql('CREATE TABLE fam.child (id int PRIMARY KEY, p int)') },
    same_name_tables => [ 'failed', qr/fam\.child does not exist/ ]);

# --- room for what InnoDB thought that its tables take (the statistics that
# were written before it was started again)
is($check->items($check->task(db => 'room', objects => [ { schema => 'room', table => 'much' } ]))->{disk_space}{status}, 'warning', 'disk_space: a warning');
$task = $check->task(db => 'room');
$check->by_hand($task, sub { $my->sql('ANALYZE TABLE room.much; ANALYZE TABLE room.more') },
    disk_space => [ 'failed', qr/has \d+ MB free/ ]);

# --- the destination is a standby (a copy of its folder), until it is promoted
my $standby = Dts::Postgres->new(conf => 'max_worker_processes = 40');
$pg->stop;
my ($code, $out) = run_as(server_user('postgres'), '/bin/sh', '-c',
    "cp $standby->{data}/postgresql.conf $standby->{data}.conf && rm -rf $standby->{data} && cp -a $pg->{data} $standby->{data} && mv $standby->{data}.conf $standby->{data}/postgresql.conf && touch $standby->{data}/standby.signal");
is($code, 0, 'a copy for the standby') or diag $out;
$pg->start;
$standby->start;
$check->by_hand({ %$task, pg => $standby }, sub { $standby->sql('SELECT pg_promote()') },
    destination_writable => [ 'failed', qr/standby/ ]);
$standby->stop('immediate');

# --- a database of another encoding
$pg->sql("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
my $latin = bless { %$pg, dbname => 'latin' }, ref $pg;
$latin->sql('CREATE EXTENSION dtsmig');
$check->by_hand(Dts::Task->new($my, $latin, db => 'small'), sub { $check->task(db => 'small') },
    encoding => [ 'warning', qr/LATIN1/ ]);

# --- MySQL
my $new = Dts::MariaDB->new(kind => 'mysql-9.7', no_args => qr/gtid/, server_id => 0,
    args => [qw(--gtid-mode=OFF --enforce-gtid-consistency=OFF)])->start;
(my $pw = $new->{password}) =~ s/'/''/g;
$new->sql("SET sql_log_bin = 0; CREATE DATABASE shop; CREATE TABLE shop.t (a int); CREATE USER poor\@'%' IDENTIFIED BY '$pw';
    GRANT SELECT ON shop.* TO poor\@'%'; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO poor\@'%';
    SET GLOBAL binlog_row_image = 'MINIMAL'; SET GLOBAL binlog_row_value_options = 'PARTIAL_JSON'; SET GLOBAL binlog_expire_logs_seconds = 3600");
$task = $check->task(on => $new, db => 'shop', user => 'poor', server => "ssl_mode 'disable'", types => [ 'full', 'incremental', 'schema' ]);
$pg->sql("ALTER SERVER src_$task->{name} OPTIONS (SET ssl_mode 'require')");
$task = $check->both_ways($task,
    server_id => [ 'failed', qr/is 0/ ],
    gtid_mode => [ 'warning', qr/is OFF/ ],
    lock_tables_privilege => [ 'failed', qr/1 tables have no key/ ],
    reload_privilege => [ 'warning', qr/may not begin a new file/ ],
    binlog_row_value_options => [ 'failed', qr/PARTIAL_JSON/ ],
    binlog_row_image => [ 'warning', qr/MINIMAL/ ],
    binlog_retention => [ 'warning', qr/kept for 1 hours/ ],
    keys => [ 'warning', qr/shop\.t/ ]);
# the account may log in without TLS once the server knows its password
$pg->sql("ALTER SERVER src_$task->{name} OPTIONS (SET ssl_mode 'disable')");
$task = $check->both_ways($task, tls => [ 'warning', qr/options say so/ ]);
$new->stop; $new->{args} = []; $new->start;
is_deeply([ map { $_->{item} . ' ' . $_->{status} } grep { $_->{status} =~ /failed|warning/ && $_->{item} ne 'server_id' } values %{ $check->items($task) } ], [],
    'what was set stays over a restart (but for server_id, which is said when it starts)');
done_testing();
