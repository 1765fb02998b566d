# Online schema changes: pt-online-schema-change, and what gh-ost writes, both
# under load, both with the task following from before, and with one that
# starts in the middle, with the shadow table half filled. The destination ends
# with the altered table and all its rows.
#
# dts-needs: program:pt-online-schema-change
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database same_table);
use Dts::Env qw(poll_until reap spawn slurp tmpdir alive);
use Dts::Shape qw(same_as_fresh);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $pt = (grep { -x } map { "$_/pt-online-schema-change" } split(/:/, $ENV{PATH}), '/usr/bin')[0]
  or die 'no pt-online-schema-change; test/setup installs it';

sub source
{
    my ($db) = @_;
    my $rows = join ', ', map { "($_ * 3, 'note $_', $_ % 50, 1.25, '2020-01-01 10:00:00', " . ($_ % 10 + 1) . ')' } 1 .. 4000;
    $my->sql(<<"END");
CREATE DATABASE $db DEFAULT CHARACTER SET utf8mb4; USE $db;
CREATE TABLE shop (id int PRIMARY KEY, name varchar(20)) ENGINE = InnoDB;
INSERT INTO shop VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e'), (6, 'f'), (7, 'g'), (8, 'h'), (9, 'i'), (10, 'j');
CREATE TABLE orders (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, note varchar(60), qty int, price decimal(8,2), at datetime,
    shop_id int, kind enum('a', 'b') DEFAULT 'a', KEY qty (qty), CONSTRAINT of_shop FOREIGN KEY (shop_id) REFERENCES shop (id)) COMMENT 'what is sold';
INSERT INTO orders (id, note, qty, price, at, shop_id) VALUES $rows;
CREATE TABLE other (id int PRIMARY KEY AUTO_INCREMENT, v int);
END
}

# One writer of orders: what it does to a row it does to the shadow too, the
# way gh-ost does (relay: name of the shadow), but later.
my $n = 0;
sub writer
{
    my ($db, $relay) = @_;
    my $pid = $my->background(sub {
        sleep 0.003;
        my $id = 3 * (1 + int rand 4200);
        my $d = rand;
        $n++;
        my $sql = $d < 0.3 ? "INSERT IGNORE INTO orders (id, note, qty, price, at, shop_id) VALUES ($id + 1, 'new $n', $n % 70, 2.5, NOW(), 1 + $n % 10);\n"
          : $d < 0.7 ? "UPDATE orders SET qty = qty + 1, note = CONCAT('u ', note) WHERE id = $id AND LENGTH(note) < 50;\n"
          : $d < 0.9 ? "DELETE FROM orders WHERE id = $id;\n"
          : "UPDATE orders SET id = id + 2 WHERE id = $id;\n";
        $sql .= "INSERT INTO other (v) VALUES ($n);\n";
        if ($relay)
        {
            my $cols = 'id, note, qty, price, at, shop_id, kind';
            $sql .= "DELETE FROM $relay WHERE id = $_; REPLACE INTO $relay ($cols) SELECT $cols FROM orders WHERE id = $_;\n"
              for $id .. $id + 2;
        }
        return $sql;
    }, db => $db);
    return $pid;
}

sub end_writer { reap($_[0], 'TERM'); }

sub pt_osc
{
    my ($db, $table, $alter, @args) = @_;
    my $log = tmpdir() . "/pt-$db.log";
    my $pid = spawn({ log => $log }, $pt, '--execute', '--no-version-check', '--recursion-method=none',
        '--alter', $alter, '--chunk-size=150', '--chunk-time=0', '--set-vars', 'lock_wait_timeout=60,innodb_lock_wait_timeout=20', @args,
        "h=127.0.0.1,P=$my->{port},u=root,D=$db,t=$table");
    return ($pid, $log);
}

sub ended_well
{
    my ($pid, $log, $what) = @_;
    my $status = reap($pid, undef, 180);
    is($status, 0, "$what: pt-online-schema-change ends well") or diag slurp($log);
}

sub done
{
    my ($task, $db, $what, %opt) = @_;
    my $ok = eval { $task->catch_up(90); 1 };
    ok($ok, "$what: caught up") or diag $@;
    return unless $ok;
    same_database($my, $db, $pg, $db, $what);
    is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = '$task->{name}' AND severity <> 'info'"), 0, "$what: nothing but information in the log")
      or diag $task->report;
    is($pg->value("SELECT count(*) FROM pg_tables WHERE schemaname = '$db' AND tablename LIKE '\\_%'"), $opt{left} // 0, "$what: shadows left");
    same_as_fresh($task, "$what: columns and keys equal those of a fresh migration", db => $db);
}

my $alter = q{ADD COLUMN extra varchar(30) NOT NULL DEFAULT 'x' AFTER note, MODIFY qty bigint unsigned, DROP COLUMN price, ADD KEY note_qty (note(10), qty), MODIFY kind enum('b', 'a', 'c'), ADD COLUMN price decimal(10,3)};

# pt-online-schema-change while the task follows
{
    source('pt_one');
    my $task = Dts::Task->new($my, $pg, name => 'pt_one', db => 'pt_one')->start;
    $task->wait_for('incremental', 60);
    my $w = writer('pt_one');
    my ($pid, $log) = pt_osc('pt_one', 'orders', $alter, '--no-check-alter');
    ended_well($pid, $log, 'pt-osc');
    sleep 0.5;
    end_writer($w);
    is($my->value("SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = 'pt_one'"), 0, 'pt-osc: its triggers are gone');
    $task->catch_up(60);

    # again, with the parent of a foreign key, which is rebuilt, the old table
    # kept and dropped later
    $w = writer('pt_one');
    ($pid, $log) = pt_osc('pt_one', 'shop', 'MODIFY name varchar(50) NOT NULL, ADD COLUMN city varchar(20)', '--no-check-alter',
        '--no-drop-old-table', '--alter-foreign-keys-method=rebuild_constraints');
    ended_well($pid, $log, 'pt-osc, a parent');
    $task->catch_up(60);
    is($pg->value(q{SELECT count(*) FROM pt_one._shop_old}), 10, 'pt-osc, a parent: the old table is kept');
    $my->sql('DROP TABLE _shop_old', db => 'pt_one');
    # what its drop_swap does, which it refuses to do here
    $my->sql('CREATE TABLE `pt_one`.`_shop_new` LIKE shop; ALTER TABLE `pt_one`.`_shop_new` DROP COLUMN city, ADD COLUMN country char(2);
        INSERT LOW_PRIORITY IGNORE INTO `pt_one`.`_shop_new` (id, name) SELECT id, name FROM shop LOCK IN SHARE MODE;
        SET foreign_key_checks = 0; DROP TABLE IF EXISTS `pt_one`.`shop`; RENAME TABLE `pt_one`.`_shop_new` TO `pt_one`.`shop`', db => 'pt_one');
    sleep 0.3;
    end_writer($w);
    $my->sql('INSERT INTO shop VALUES (11, "k", "DE"); UPDATE shop SET id = 12 WHERE id = 11; INSERT INTO orders (shop_id) VALUES (12)', db => 'pt_one');
    done($task, 'pt_one', 'pt-osc');
}

# pt-online-schema-change in whose middle the task starts; then another that
# is broken off
{
    source('pt_two');
    my $w = writer('pt_two');
    my $pause = tmpdir() . '/pause';
    my ($pid, $log) = pt_osc('pt_two', 'orders', $alter, '--no-check-alter', '--sleep=0.05', "--pause-file=$pause", '--check-interval=1');
    ok(poll_until(sub { ($my->mariadb('SELECT count(*) FROM pt_two._orders_new'))[1] =~ /^([1-9]\d{2,})/ }, 60), 'pt-osc has begun');
    { open my $fh, '>', $pause or die $!; }
    my $half = $my->value('SELECT count(*) FROM pt_two._orders_new');
    cmp_ok($half, '<', 3900, "pt-osc, begun before: the shadow has $half rows");
    is($my->value("SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = 'pt_two'"), 3, 'pt-osc, begun before: its triggers are there');
    my $task = Dts::Task->new($my, $pg, name => 'pt_two', db => 'pt_two')->start;
    $task->wait_for('incremental', 60);
    ok(alive($pid), 'pt-osc, begun before: still at it');
    unlink $pause;
    ended_well($pid, $log, 'pt-osc, begun before');

    ($pid, $log) = pt_osc('pt_two', 'orders', 'ADD COLUMN never int', '--no-check-alter', '--sleep=0.2');
    poll_until(sub { ($my->mariadb('SELECT count(*) FROM pt_two._orders_new'))[1] =~ /^([1-9]\d{2,})/ }, 60);
    reap($pid, 'KILL');
    end_writer($w);
    $task->catch_up(60);
    same_database($my, 'pt_two', $pg, 'pt_two', 'pt-osc, killed: with its shadow');
    $my->sql(join('', map { "DROP TRIGGER IF EXISTS pt_osc_pt_two_orders_$_;" } qw(del upd ins)) . 'DROP TABLE _orders_new', db => 'pt_two');
    done($task, 'pt_two', 'pt-osc, begun before');
}

# What gh-ost does, in three parts.
my $columns = 'id, note, qty, price, at, shop_id, kind';
sub ghost_begin
{
    my ($db, $alter) = @_;
    $alter //= "ADD COLUMN extra varchar(30) NOT NULL DEFAULT 'x' AFTER note, MODIFY qty bigint unsigned, ADD KEY note_qty (note(10), qty), MODIFY kind enum('b', 'a', 'c')";
    $my->sql(<<"END", db => $db);
DROP /* gh-ost */ TABLE IF EXISTS `$db`.`_orders_gho`;
DROP /* gh-ost */ TABLE IF EXISTS `$db`.`_orders_del`;
DROP /* gh-ost */ TABLE IF EXISTS `$db`.`_orders_ghc`;
create /* gh-ost */ table `$db`.`_orders_ghc` (
    id bigint auto_increment,
    last_update timestamp not null DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    hint varchar(64) charset ascii not null,
    value varchar(4096) charset ascii not null,
    primary key(id),
    unique key hint_uidx(hint)
) auto_increment=256;
create /* gh-ost */ table `$db`.`_orders_gho` like `$db`.`orders`;
alter /* gh-ost */ table `$db`.`_orders_gho` $alter;
insert /* gh-ost */ into `$db`.`_orders_ghc` (id, hint, value) values (NULLIF(2, 0), 'state', 'GhostTableMigrated') on duplicate key update last_update=NOW(), value=VALUES(value);
END
}

sub ghost_copy
{
    my ($db, $from, $to) = @_;
    for (my $id = $from; $id < $to; $id += 500)
    {
        my $end = $id + 500;
        $my->sql(<<"END", db => $db);
insert /* gh-ost `$db`.`orders` */ ignore into `$db`.`_orders_gho` ($columns)
    (select $columns from `$db`.`orders` force index (`PRIMARY`) where (`id` >= $id) and (`id` < $end) lock in share mode);
insert /* gh-ost */ into `$db`.`_orders_ghc` (id, hint, value) values (NULLIF(1, 0), 'heartbeat', 'at $id') on duplicate key update last_update=NOW(), value=VALUES(value);
END
    }
}

# The atomic cut-over: a sentry in the old table's future place, a lock, a
# RENAME that waits for it, and the lock's end.
sub ghost_cut_over
{
    my ($db, $del) = @_;
    $my->sql("create /* gh-ost */ table `$db`.`$del` (id int auto_increment primary key) comment='ghost-cut-over-sentry'", db => $db);
    my $locker = spawn({ log => tmpdir() . "/locker-$db.log", code => sub {
        $my->sql("lock /* gh-ost */ tables `$db`.`orders` write, `$db`.`$del` write; select sleep(1.5); drop /* gh-ost */ table if exists `$db`.`$del`; unlock tables;", db => $db);
    } });
    poll_until(sub { $my->value("SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'select sleep%'") }, 60);
    $my->sql("rename /* gh-ost */ table `$db`.`orders` to `$db`.`$del`, `$db`.`_orders_gho` to `$db`.`orders`", db => $db);
    is(reap($locker, undef, 30), 0, 'gh-ost: cut over') or diag slurp(tmpdir() . "/locker-$db.log");
    $my->sql("drop /* gh-ost */ table if exists `$db`.`_orders_ghc`", db => $db);
}

# Foreign keys are what gh-ost does without.
sub ghost_source
{
    my ($db) = @_;
    source($db);
    $my->sql('ALTER TABLE orders DROP FOREIGN KEY of_shop, DROP KEY of_shop', db => $db);
}

{
    ghost_source('gh_one');
    my $task = Dts::Task->new($my, $pg, name => 'gh_one', db => 'gh_one')->start;
    $task->wait_for('incremental', 60);
    ghost_begin('gh_one');
    my $w = writer('gh_one', '_orders_gho');
    ghost_copy('gh_one', 0, 14000);
    end_writer($w);
    ghost_cut_over('gh_one', '_orders_del');
    $w = writer('gh_one');
    sleep 1;
    $my->sql('drop /* gh-ost */ table if exists `gh_one`.`_orders_del`', db => 'gh_one');
    end_writer($w);
    done($task, 'gh_one', 'gh-ost');
}
{
    ghost_source('gh_two');
    ghost_begin('gh_two');
    my $w = writer('gh_two', '_orders_gho');
    ghost_copy('gh_two', 0, 6000);
    my $task = Dts::Task->new($my, $pg, name => 'gh_two', db => 'gh_two')->start;
    ghost_copy('gh_two', 6000, 9000);
    $task->wait_for('incremental', 60);
    ghost_copy('gh_two', 9000, 14000);
    end_writer($w);
    ghost_cut_over('gh_two', '_orders_20261121101500_del');
    $w = writer('gh_two');
    sleep 0.5;
    end_writer($w);
    $task->catch_up(60);
    same_database($my, 'gh_two', $pg, 'gh_two', 'gh-ost, begun before: the old table is kept');
    $my->sql('drop table `_orders_20261121101500_del`', db => 'gh_two');
    done($task, 'gh_two', 'gh-ost, begun before');
}

# Rules: one table, into another schema under another name; its shadows go
# along, and what they become has the rule's names. The other table stays out.
{
    ghost_source('rules');
    my $objects = [ { schema => 'rules', table => 'orders', target_schema => 'sold', target_table => 'all_orders' } ];
    my $task = Dts::Task->new($my, $pg, name => 'rules', objects => $objects)->start;
    $task->wait_for('incremental', 60);
    my $w = writer('rules');
    my ($pid, $log) = pt_osc('rules', 'orders', $alter, '--no-check-alter');
    ended_well($pid, $log, 'rules, pt-osc');
    end_writer($w);
    $task->catch_up(60);
    same_table($my, 'rules.orders', $pg, 'sold.all_orders', 'rules, pt-osc: rows');
    ghost_begin('rules', 'MODIFY note text, DROP COLUMN extra');
    $w = writer('rules', '_orders_gho');
    ghost_copy('rules', 0, 14000);
    end_writer($w);
    ghost_cut_over('rules', '_orders_del');
    $my->sql('drop table `_orders_del`', db => 'rules');
    my ($shop_pid, $shop_log) = pt_osc('rules', 'shop', 'ADD COLUMN city int', '--no-check-alter');
    ended_well($shop_pid, $shop_log, 'rules, a table that is not selected');
    $my->sql('INSERT INTO orders (note) VALUES (1)', db => 'rules');
    $task->catch_up(60);
    same_table($my, 'rules.orders', $pg, 'sold.all_orders', 'rules, gh-ost: rows');
    is($pg->value("SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'sold'"), 'all_orders', 'rules: this table alone');
    is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'rules' AND severity <> 'info'"), 0, 'rules: nothing but information in the log')
      or diag $task->report;
    same_as_fresh($task, 'rules: columns and keys equal those of a fresh migration', schema => 'sold', objects => $objects);
}
done_testing();
