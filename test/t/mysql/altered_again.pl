# A table that is altered once more after it was looked at, and before its rows
# are read: while it is copied, or copied again, by a copy worker or by the task's
# own. Values that do not fit its former definition do not stop the task. Who holds the
# lock of a table without transactions decides about the order.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});

# While code runs, and until somebody waits for the table, nobody else reads it;
# then it is altered. code is given a client that may.
sub while_locked
{
    my ($table, $code, $alter) = @_;
    open my $in, '|-', $my->client_cmd('a') or die "client: $!";
    $in->autoflush(1);
    print $in "LOCK TABLES $table WRITE;\n";
    ok(poll_until(sub { $my->value("SELECT count(*) FROM information_schema.processlist WHERE db = 'a' AND command = 'Sleep'") > 0 }, 20), "$table is locked");
    $code->($in);
    my $waits = poll_until(sub { $my->value("SELECT count(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%' AND info LIKE '%LOCK%$table%' AND info NOT LIKE '%processlist%'") > 0 }, 40);
    ok($waits, "somebody waits for $table");
    print $in "$alter;\nUNLOCK TABLES;\n";
    close $in;
}

my $bytes = "UPDATE %s SET v = x'ff00fe' WHERE id = 3";
my $null = "ALTER TABLE %s MODIFY n int NULL; UPDATE %s SET n = NULL WHERE id = 4";
my $double = 'ALTER TABLE %s DROP PRIMARY KEY; INSERT INTO %s VALUES (5, 5, \'twin\')';
$my->sql("CREATE DATABASE a DEFAULT CHARACTER SET utf8mb4; USE a;"
    . join '', map { "CREATE TABLE $_ (id int PRIMARY KEY, n int NOT NULL, v text) ENGINE=MyISAM; INSERT INTO $_ VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, 4, 'four'), (5, 5, 'five');" } qw(m1 m2 m3 i1 i2));
$my->sql('ALTER TABLE m3 MODIFY v varbinary(60); ALTER TABLE i1 ENGINE=InnoDB; ALTER TABLE i2 ENGINE=InnoDB; CREATE TABLE big (id int PRIMARY KEY, v varchar(200)) ENGINE=MyISAM; INSERT INTO big VALUES ' . join(', ', map { "($_, REPEAT('v', 190))" } 1 .. 400), db => 'a');
my $task = Dts::Task->new($my, $pg, name => 'a', db => 'a', options => { copy_workers => 1, throttle_full_rows => 60 });
my $equal = sub {
    my ($what) = @_;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'a' AND state <> 'ready'") // '') eq '0' || $task->status eq 'failed' }, 60), "$what: copied") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_database($my, 'a', $pg, 'a', $what);
};
my $f = sub { my ($text, $table) = @_; return $text =~ s/%s/$table/gr };

# one worker, which comes to the others when it has read the large table
$task->start;
ok(poll_until(sub { ($pg->try_value("SELECT rows_copied FROM dtsmig.tasks WHERE name = 'a'") // 0) > 50 }, 60, 0.05), 'a table is being copied');
$my->sql("ALTER TABLE m1 MODIFY v blob; " . $f->("$bytes; $null; $double", 'm1') . "; " . $f->($null, 'i1') . "; " . $f->($double, 'i2'), db => 'a');
is($pg->value("SELECT sum(rows_copied) FROM dtsmig.task_table WHERE source_table <> 'big'"), 0, 'the others are not');
ok(eval { $task->wait_for('incremental', 90); 1 }, 'it runs') or diag $task->report;
$equal->('altered before the copy');

while_locked('m2', sub { $pg->sql("SELECT dtsmig.resync_table('a', 'a.m2')") }, "ALTER TABLE m2 MODIFY v blob; " . $f->("$bytes; $null; $double", 'm2'));
$equal->('altered before a copy worker copies it again');

# rows that only the source can convert have the task copy the table again
while_locked('m3', sub { my ($in) = @_; print $in "ALTER TABLE m3 MODIFY v varchar(50);\n" }, "ALTER TABLE m3 MODIFY v varbinary(60); " . $f->("$bytes; $null; $double", 'm3'));
$equal->('altered before the task copies it again');
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'a' AND severity = 'error'"), 0, 'without an error');
$task->release;
done_testing();
