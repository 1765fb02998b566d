# MariaDB's own tests (package mariadb-test-data): the parser over the
# statements on tables of all its scripts, which it translates or refuses by
# name; and every third lot of alter_table.test's through a server and a task:
# whatever a table has become before it is dropped, the destination has the columns
# and keys that a fresh plan would make (DTS_DEEP=1: all, and three more).
#
# dts-needs: file:/usr/share/mysql/mysql-test/main
use strict;
use warnings;
use File::Find;
use Test::More;
use Dts::Env qw(capture slurp topdir);
use Dts::Shape qw(shape);
use Dts::Task qw(server_pair);

my $folder = $ENV{DTS_MYSQLTEST} // '/usr/share/mysql/mysql-test';
-d "$folder/main" or die "no $folder: test/setup installs mariadb-test-data";

# ----------------------------------------------------------- the parser alone

my $fuzz = topdir() . '/test/fuzz';
{
    delete local @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES)};
    capture('/usr/bin/make', '-s', '-C', $fuzz, 'parse_ddl', $ENV{PG_CONFIG} ? "PG_CONFIG=$ENV{PG_CONFIG}" : ());
}

# (statements, translated, refused, exit status, the reasons)
sub parse
{
    my ($files, @options) = @_;
    my @sum = (0, 0, 0, 0);
    my %why;
    my @left = @$files;
    while (my @some = splice @left, 0, 200)
    {
        open my $fh, '-|', "$fuzz/out/parse_ddl", '--mysqltest', @options, @some or die "parse_ddl: $!";
        while (<$fh>)
        {
            if (/^(\d+) statements: (\d+) translated, (\d+) refused/) { $sum[0] += $1; $sum[1] += $2; $sum[2] += $3; }
            elsif (/^refused: (.*)/) { (my $w = $1) =~ s/at character \d+//; $why{ $w =~ s/"[^"]*"/"..."/r }++; }
        }
        close $fh;
        $sum[3] ||= $?;
    }
    return (@sum, \%why);
}

my @scripts;
find(sub { push @scripts, $File::Find::name if /\.(test|inc)$/ }, "$folder/main", "$folder/suite", "$folder/include");
@scripts = sort @scripts;
my @tables = grep { m{/main/(alter_table|create)[^/]*\.test$} } @scripts;
for ([ 'alter_table and create tests', \@tables ], [ 'all scripts', \@scripts ])
{
    my ($what, $files) = @$_;
    for my $dialect ([], ['--mysql'])
    {
        my ($n, $translated, $refused, $status, $why) = parse($files, @$dialect);
        my $as = @$dialect ? "MySQL's" : "MariaDB's";
        is($status, 0, "$what in $as dialect: none crashes the parser");
        is($translated + $refused, $n, "$what in $as dialect: $n statements, $translated translated, $refused refused by name");
        cmp_ok($refused, '<=', $n / ($what eq 'all scripts' ? 100 : 50), "$what in $as dialect: few are refused");
        diag "counts: $what, $as dialect: $n statements, $translated translated, $refused refused, 0 crashed" unless $status;
        note sprintf '%6d %s', $why->{$_}, $_ for sort { $why->{$b} <=> $why->{$a} } keys %$why;
    }
}

# ------------------------------------------------ through a server and a task

my ($my, $pg) = server_pair();
$my->sql('CREATE DATABASE test DEFAULT CHARACTER SET latin1; CREATE TABLE test.stays (id int PRIMARY KEY)');
my ($task, $refused, $wrong, $checks) = (undef, 0, 0, 0);

sub begin
{
    my ($again) = @_;
    if ($again)
    {
        $task->release->drop;
        $pg->sql('SET client_min_messages = error; DROP SCHEMA IF EXISTS test CASCADE');
    }
    $task = Dts::Task->new($my, $pg, name => 't', db => 'test', $again ? (source => 'src_t') : ());
    $task->start->wait_for('incremental', 60);
}

# What is refused is skipped, and its table copied again.
sub sync
{
    my ($sql) = @_;
    for (1 .. 40)
    {
        return 1 if eval { $task->catch_up(60); 1 };
        my $error = $task->last_error // '';
        if ($error !~ /cannot be replicated/)
        {
            $wrong++;
            diag "after: $sql$error";
            last;
        }
        $refused++;
        diag "refused: $error\n" . $pg->sql("SELECT string_agg(detail, ' ') FROM dtsmig.task_log WHERE task = 't' AND severity = 'error'");
        $my->sql("SET foreign_key_checks = 0; DROP TABLE IF EXISTS `$_->[0]`", db => 'test')
          for grep { $_->[0] ne 'stays' } $my->rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'test' AND table_type = 'BASE TABLE'");
        last;
    }
    begin(1);
    return 0;
}

sub compare
{
    my ($sql) = @_;
    return unless sync($sql);
    my $fresh = Dts::Task->new($my, $pg, name => 'fresh', source => 'src_t', objects => [ { schema => 'test', target_schema => 'fresh' } ]);
    my $plan = $pg->sql("SELECT string_agg(statement, E';\n' ORDER BY n) FROM (SELECT row_number() OVER () AS n, statement FROM dtsmig.preview_schema('fresh')) x");
    $fresh->drop;
    $pg->sql("SET client_min_messages = error; CREATE SCHEMA IF NOT EXISTS fresh; $plan");
    my (%followed, %new);
    # whether a date is NOT NULL depends on the zero dates that there have been
    my $plain = sub { $_[0] =~ s/^(\S+ (?:date|timestamp\(\d\) with(?:out)? time zone)) not null/$1/mgr };
    $followed{$_}++ for split /\n/, $plain->(shape($pg, 'test'));
    $new{$_}++ for split /\n/, $plain->(shape($pg, 'fresh') =~ s/\bfresh\b/test/gr);
    $pg->sql('SET client_min_messages = error; DROP SCHEMA fresh CASCADE');
    my @diff = ((map { "followed: $_\n" } grep { !$new{$_} } sort keys %followed), (map { "fresh:    $_\n" } grep { !$followed{$_} } sort keys %new));
    $checks++;
    return unless @diff;
    $wrong++;
    diag "after: $sql", @diff;
    begin(1);
}

begin(0);
my $batches = 0;
for my $name ('alter_table', $ENV{DTS_DEEP} ? qw(create create_or_replace create_drop_index) : ())
{
    ($refused, $wrong, $checks) = (0, 0, 0);
    my ($one, $fails, @statements) = ('', 0);
    for (split /^/, slurp("$folder/main/$name.test"))
    {
        if ($one eq '')
        {
            $fails = 1 if /^--\s*error|^error /;
            next if /^\s*(?:--|#|$)|^error /;
        }
        $one .= $_;
        next unless /;\s*$/;
        push @statements, $one unless $fails || $one =~ /\$/;
        ($one, $fails) = ('', 0);
    }
    my ($batch, $dropped) = ('', '');
    for my $sql (@statements, 'DROP TABLE none')
    {
        next unless $sql =~ /^\s*(?:(?:create|alter|drop|rename|truncate)\s|insert|update|delete|replace|set\s+(?:names|sql_mode|foreign))/i;
        next if $sql =~ /^\s*(?:create|drop|alter)\s+(?:or\s+replace\s+)?(?:definer\S*\s+)?(?:procedure|function|event|user|role|server|database|schema|trigger|view)/i;
        next if $sql =~ /mysqltest|performance_schema|information_schema|federated|spider|temporary|\bmysql\./i;
        if ($sql =~ /^\s*drop\s+table/i && $batch =~ /create|alter|rename/i)
        {
            if (!$ENV{DTS_DEEP} && $batches++ % 3) { $batch = $dropped; }
            else
            {
                # what the server refuses is refused
                $my->mariadb("SET NAMES utf8mb4;\n$batch", db => 'test', args => ['--force']);
                compare($batch);
                $batch = $dropped = '';
            }
            $dropped .= $sql;
        }
        $batch .= $sql;
    }
    my @rest = map { $_->[0] } grep { $_->[0] ne 'stays' } $my->rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'test'");
    $my->sql('SET foreign_key_checks = 0; DROP TABLE IF EXISTS ' . join(', ', map { "`$_`" } @rest), db => 'test') if @rest;
    sync('');
    is($wrong, 0, "$name.test through a task: $checks comparisons, $refused refused by name");
}
done_testing();
