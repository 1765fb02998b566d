# docs/troubleshooting.md has every error that can stop a task: each message and
# SQLSTATE of its tables is one of the sources', and each error that a stream, a
# copy or a schema step can raise is in a table or in the list of exceptions
# here, with the reason. No server is needed.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp topdir);
use Dts::Install qw(pg_config);

my $top = topdir();

# Errors that are no stop of their own, by file and text.
my @exceptions = (
    [ 'worker/run_repair.c', '.', 'of repair, which says it in its result; the task goes on' ],
    [ 'worker/run_copy.c', '^…$', 'the error of a copy worker, as it was raised' ],
    [ 'worker/run_copy.c', 'ended before its work was done', 'is tried again; the server log has why the process ended' ],
    [ 'worker/copy_worker.c', 'does not exist any more', 'the task was dropped' ],
    [ 'worker/run_resync.c', 'is not wanted any more|was altered while a snapshot was taken|was altered before it was locked|lacks transactions that are applied already', 'is tried again at once' ],
    [ 'worker/run_apart.c', 'of a transaction in progress', 'is caught: the transaction is read again when it has committed' ],
    [ 'worker/run_snapshot.c', 'lack transactions that are applied already', 'is tried again' ],
    [ 'worker/resync_shape.c', 'does not show the columns', 'documented as that of tables/describe.c' ],
    [ 'dest/batch/sets.c', '.', 'caught: the rows are written one by one, which names it' ],
    [ 'dest/mysql/session.c', 'lost the connection|has warned of values|^error of server', 'of a connection (class 08: retrying), caught (the rows are written one by one), or of a statement of the schema, as the server has it' ],
    [ 'dest/pgsql/session.c', 'lost the connection|has failed', 'of a connection (class 08: retrying), or one that cannot happen' ],
    [ 'dest/twin.c', 'cannot prepare', 'one that cannot happen: no worker prepares a transaction' ],
    [ 'worker/destination.c', 'a destination is local|same server|cannot be a destination|MySQL family to the MySQL family', 'of create_task, before there is anything to stop' ],
    [ 'tables/describe.c', 'where the destination is MySQL|cannot serve a destination', 'of the precheck, before there is anything to stop' ],
    [ 'source/mysql/my_write_rows.c', '.', 'of a foreign table: no task writes to its source' ],
    [ 'source/mysql/my_stream_void.c', '.', 'caught: the stream is opened again' ],
    [ 'source/mysql/my_stream.c', 'no heartbeat|has ended the stream', 'a lost connection: retrying' ],
    [ 'source/pgsql/pg_stream.c', 'has ended the stream|has to be opened again', 'a lost connection: retrying' ],
    [ 'source/mysql/my_stream_open.c', 'random server id', 'the operating system has no random numbers' ],
    [ 'source/pgsql/pg_stream_spool.c', '.', 'a temporary file of this server; class 58, retrying' ],
    [ 'source/pgsql/pg_(?:stream|stream_rows|values|copy|money|keys|definition)\.c|client/pg_(?:conn|result)\.c', 'message 0x|out of place|describes a table|sent a change of relation|sent a key of a table|sent a definition of a table|no valid …|in binary form|incorrect binary|columns, its relation|COPY|does not begin|header|expected|not in the form', 'what no PostgreSQL server sends (08P01, 22021, 22P03): connect to the server itself, and report it' ],
    [ 'client/my_query\.c|source/mysql/my_(?:verify|rows)\.c', 'answer|unexpected|columns of table', 'what no server of the family sends (08P01); my_verify is of verify' ],
    [ '(?:client/my_conn|source/mysql/my_(?:charset|ranges|position|schema|values)|client/pg_(?:conn|program)|source/pgsql/pg_slot|core/copy_row)\.c', 'non-blocking|out of memory|another server than a moment ago|is closed|not read|default conversion|is not known yet|must be positive|invalid binary log position|has no number as|only a shell|could not (?:create|write|fork)|is no position|lost (?:the )?connection|does not answer|the snapshot of server|cut off|other columns|zero byte|^…$|error of … while|could not read the schema', 'of the operating system, of a connection (class 08: retrying), or one that cannot happen' ],
    [ 'core/one_statement.c', '^…$', 'a text made of a name or a value that is not one statement: nothing was run; the hint asks for a report' ],
    [ 'core/one_statement.c', 'answered nothing', 'what no server sends (08P01: retrying)' ],
    [ 'source/pgsql/pg_stream_published.c', '^…$', 'publication … did not tell of, or does not tell of, table …: documented by its beginning' ],
    [ 'source/pgsql/pg_copy.c', 'the snapshot of server', 'class 08: the copy begins again' ],
);

# ------------------------------------------------------------- the sources

my %code;
my $codes = slurp(pg_config('includedir-server') . '/utils/errcodes.h');
$code{$1} = "$2$3$4$5$6" while $codes =~ /#define (ERRCODE_\w+)\s+MAKE_SQLSTATE\('(.)','(.)','(.)','(.)','(.)'\)/g;

# A format as messages show it: … for what differs.
sub plain
{
    my ($text) = @_;
    $text =~ s/%(?:\.\*)?[\d.]*(?:ll|l|z|h)?[a-zA-Z]/…/g;
    return normal($text =~ s/%%/%/gr);
}
sub normal
{
    my ($text) = @_;
    $text =~ s/\\u0000/U0000/g;
    $text =~ s/["`\\]//g;
    $text =~ s/…(?:[.\/:]?…)+/…/g;
    return $text =~ s/^\s+|\s+$//gr;
}

# The ereport(ERROR)s of a file: [ message, code, … ]; several messages of one.
sub errors_of
{
    my ($file) = @_;
    my $text = slurp("$top/src/$file");
    my @found;
    while ($text =~ /\bereport\s*(\((?:[^()"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?1))*\))/g)
    {
        my $call = $1;
        next unless $call =~ /^\(\s*ERROR\b/;
        my ($name) = $call =~ /errcode\(\s*(?:OidIsValid\(\w+\) \? )?(ERRCODE_\w+)\s*(?::|\))/;
        my @messages;
        while ($call =~ /\berrmsg(?:_plural)?\(\s*((?:\w+ \? )?(?:"(?:[^"\\]|\\.)*"|\s|U?INT64_FORMAT|MACRO|[A-Z_]+_FORMAT)+(?::\s*"(?:[^"\\]|\\.)*")?)/g)
        {
            my $format = $1;
            for my $one ($format =~ /\? / ? split(/"\s*:\s*"/, $format =~ s/^\w+ \? //r) : $format)
            {
                push @messages, plain(join '', map { /FORMAT/ ? '…' : $_ =~ s/\\"/"/gr } $one =~ /U?INT64_FORMAT|((?:[^"\\]|\\.)+)(?=")|\b\w+_FORMAT/g ? fragments($one) : $one);
            }
        }
        push @messages, '…' unless @messages;
        push @found, map { [ $_, $name && $code{$name} ] } @messages;
    }
    return @found;
}
sub fragments
{
    my ($text) = @_;
    my @f;
    push @f, defined $1 ? $1 : '…' while $text =~ /"((?:[^"\\]|\\.)*)"|U?INT64_FORMAT|[A-Z]+_FORMAT/g;
    return @f ? @f : ($text);
}

chdir "$top/src" or die;
my @files = sort glob('client/*.c source/*/*.c worker/*.c dest/*.c dest/*/*.c'), qw(core/copy_row.c tables/describe.c transform/shape_rows.c tables/shards.c core/table_owner.c core/one_statement.c);
my @errors = map { my $f = $_; map { [ $f, @$_ ] } errors_of($f) } grep { !/precheck/ } @files;
cmp_ok(scalar @errors, '>', 200, scalar(@errors) . ' errors in the sources');

# --------------------------------------------------------------- the tables

my (@rows, $section);
for my $line (split /\n/, slurp("$top/docs/troubleshooting.md"))
{
    $section = $1 if $line =~ /^## (.*)/;
    next unless $section && $line =~ /^\| (?!message|---)(.*) \|$/;
    my ($messages, $states, $why, $way) = split / \| /, $1;
    push @rows, { section => $section, messages => [ map { normal($_) } split /; /, $messages ], states => $states, way => $way };
}
cmp_ok(scalar @rows, '>', 60, scalar(@rows) . ' rows in docs/troubleshooting.md');

my @known;    # [ regex, states ]
my $all = join '', map { slurp("$top/src/$_") } @files;
for my $row (@rows)
{
    isnt($row->{way}, undef, "$row->{messages}[0]: a way on");
    next if $row->{section} =~ /PostgreSQL itself/ || $row->{states} eq '–';
    for my $message (@{ $row->{messages} })
    {
        my $like = join '.*', map { quotemeta } split /…/, $message, -1;
        my @hits = grep { $_->[1] =~ /^$like$/ } @errors;
        ok(@hits > 0, "an error of the sources: $message");
        push @known, [ qr/^$like$/, $row->{states} ];
        my @wrong = grep { my $c = $_; defined $c && $row->{states} !~ /\b(?:\Q$c\E|any)\b/ } map { $_->[2] } @hits;
        is(join(' ', @wrong), '', "$message: its SQLSTATE is in ($row->{states})");
    }
}

my @unknown;
for my $e (@errors)
{
    my ($file, $message, $state) = @$e;
    next if grep { $message =~ $_->[0] } @known;
    next if grep { $file =~ m{^$_->[0]$} && $message =~ /$_->[1]/ } @exceptions;
    push @unknown, "$file: $message (" . ($state // 'as raised') . ')';
}
is(join("\n", @unknown), '', 'each error is in the table or in the list of exceptions');
for my $x (@exceptions)
{
    ok((grep { $_->[0] =~ m{^$x->[0]$} && $_->[1] =~ /$x->[1]/ } @errors), "an exception is still needed: $x->[0] $x->[1]");
    isnt($x->[2], '', 'with its reason');
}

# hints of ways on name functions that there are
my $sql = slurp("$top/dtsmig--1.0.sql");
my %called = map { $_ => 1 } $all =~ /SELECT dtsmig\.(\w+)\(/g, slurp("$top/docs/troubleshooting.md") =~ /dtsmig\.(\w+)\(/g;
ok($sql =~ /CREATE FUNCTION dtsmig\.$_\(/, "function $_ of a hint") for sort keys %called;
done_testing();
