# Dts::Docs: runs what README and docs/ say, as they say it.
#
# A block ```sql source runs at the source, ```sql admin as a superuser of the
# destination even after SET ROLE, any other ```sql at the destination, by psql,
# as the role of the last SET ROLE. ```json blocks are rules of create_task.
# ```sql back is left out: mysql/way_back.pl runs these statements, between two
# servers that can be both.
package Dts::Docs;
use strict;
use warnings;
use Exporter 'import';
use Test::More;
use Dts::Env qw(slurp topdir);
our @EXPORT_OK = qw(blocks run_document check_rules);

# Fenced blocks of a file: [ language, words after it, text, line ].
sub blocks
{
    my ($file) = @_;
    my $text = slurp(topdir() . "/$file");
    my @blocks;
    while ($text =~ /^([ ]*)```(\w*)[ ]*(\w*)\n(.*?)^[ ]*```$/msg)
    {
        my ($indent, $language, $where, $body, $before) = ($1, $2, $3, $4, $`);
        push @blocks, [ $language, $where, $body =~ s/^\Q$indent\E//mgr, 1 + $before =~ tr/\n// ];
    }
    return @blocks;
}

# Statements of a block as a test runs them: a view is watched until it shows
# what its reader waits for, and addresses are those of the test's servers.
sub _ready
{
    my ($sql, $source, $task, $dest) = @_;
    $sql =~ s/[ ]*\\watch \d+/;\nSELECT dtsmig.wait_for('$task', 'incremental');/g;
    $sql =~ s/\bhost '([^']*)'(?:, port '\d+')?/"host '127.0.0.1', port '" . ($dest && $1 =~ m{^10\.} ? $dest : $source)->{port} . "'"/ge;
    # it has no certificate
    $sql =~ s/, ssl_mode 'verify-full'//g if $dest;
    return $sql;
}

# Runs all SQL of a document in a new database "shop" of $pg. $source has the
# database; what it has of earlier documents is removed first. task: the task
# that \watch waits for; source_is_ready: blocks for the source are left out,
# the test has done what they say in the words of its server; before: statements
# at the destination before the first; dest: the server elsewhere that it moves
# to, $pg is the hub then; after: called when each block has run.
sub run_document
{
    my ($file, $source, $pg, %opt) = @_;
    my $task = $opt{task} // 'shop_move';
    my $role = '';
    $pg->sql($_) for 'DROP DATABASE IF EXISTS shop', 'DROP ROLE IF EXISTS mover', 'CREATE DATABASE shop';
    $pg->sql($opt{before}, db => 'shop') if $opt{before};
    my $n = 0;
    for (blocks($file))
    {
        my ($language, $where, $sql, $line) = @$_;
        next if $language ne 'sql';
        $n++;
        next if $where eq 'back';
        my ($code, $err) = (0, '');
        next if $where eq 'source' && $opt{source_is_ready};
        if ($where eq 'source')
        {
            if ($source->isa('Dts::Postgres')) { ($code, undef, $err) = $source->psql($sql); }
            else { ($code, undef, $err) = $source->mariadb($sql); }
        }
        else
        {
            $role = '' if $where eq 'admin';
            ($code, undef, $err) = $pg->psql($role . _ready($sql, $source, $task, $opt{dest}), db => 'shop');
            $role = "$1\n" if $where ne 'admin' && $sql =~ /^(SET ROLE \w+;)/m;
        }
        is($code, 0, "$file, line $line: its statements run") or diag($sql, $err);
        $opt{after}->($n) if $opt{after} && $code == 0;
    }
    return $n;
}

# The rules that a document shows are taken by create_task.
sub check_rules
{
    my ($file, $pg, $server) = @_;
    for (grep { $_->[0] eq 'json' } blocks($file))
    {
        my ($code, undef, $err) = $pg->psql("SELECT dtsmig.create_task('rules', source => '$server', objects => \$rules\$$_->[2]\$rules\$); SELECT dtsmig.drop_task('rules')");
        is($code, 0, "$file, line $_->[3]: create_task takes the rules") or diag($err);
    }
}

1;
