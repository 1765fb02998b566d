# Words that a DBA knows, in place of some of our own: source and destination,
# not here and there; reported, not told; replicated, not carried; and so on. In
# messages, in comments, in docs, and in the names of files and functions. No
# server is needed.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp topdir);

my $top = topdir();

# word => what to say in its place
my @words = (
    [ qr/\bbooks?\b/i, 'catalog tables' ],
    [ qr/\b(?:told|tells?|telling)\b/i, 'report, send, log; distinguish' ],
    [ qr/\bcarr(?:y|ies|ied|ying)\b(?! out)/i, 'replicate, apply' ],
    [ qr/\bpass(?:es|ed|ing)? over\b/i, 'skip' ],
    [ qr/\b(?:held|holds?|holding) back\b/i, 'disable, delay' ],
    [ qr/\bmend(?:s|ed|ing)?\b/i, 'fix' ],
    [ qr/\banew\b/i, 'again' ],
    [ qr/\bbeside\b/i, 'in parallel; next to' ],
    [ qr/\b(?:in|out of) step\b/i, 'in sync' ],
);

# "There is", "are there rows", "what is there", which is to exist.
my $exist = qr/\bthere (?:\w+ly )?(?:is|are|was|were|has|have|had|may|can|must|will|would|being|to be|should|be)\b|\b(?:is|are|was|were|be|has|had|if|than|which|where|that)(?: not)? there\b/i;
# What stands in this file or at this place of a text, and not at a server.
my $place = qr/\bfrom (?:t?here)(?: on)?\b|\bbetween here and\b|\b(?:set|said|stands?|stood|decoded|dealt with|written|checked|live|leads|keep us|asked|end|made|known|listed|needed) here\b|\bhere (?:waits|is (?:what|just)|nothing else)\b|\b(?:nothing|anything) (?:else )?(?:is )?(?:\w+ )?here\b/i;

# Comments and strings of C, those of several lines as one.
sub c_texts
{
    my ($text) = @_;
    my (@comments, @strings);
    while ($text =~ m{(/\*.*?\*/)|((?:"(?:[^"\\]|\\.)*"\s*)+)|'(?:[^'\\]|\\.)*'}gs)
    {
        if (defined $1) { push @comments, $1 =~ s{^/\*+|\*/$}{}gr =~ s/\n\s*\*/ /gr =~ s/\s+/ /gr }
        elsif (defined $2) { push @strings, $2 =~ s/"\s*"//gr }
    }
    return (\@comments, \@strings);
}

# The words in a text that are not to be in it.
sub found
{
    my ($text, $here) = @_;
    my @found = map { my $w = $_; map { "$_ ($w->[1])" } $text =~ /(.{0,30}$w->[0].{0,30})/gs } @words;
    my $rest = $text =~ s/$exist//gr;
    $rest =~ s/$place//g if !$here;
    push @found, map { "$_ (source, destination)" } $rest =~ /(.{0,30}\bt?here\b(?!-).{0,30})/gis;
    return @found;
}

chdir $top or die "$top: $!";
my @files = grep { !m{/out/} } split /\n/, `find src sql test docs README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md dtsmig--1.0.sql -type f`;
cmp_ok(scalar @files, '>', 500, scalar(@files) . ' files');

# Files whose words are to follow, since their code is being changed: texts, and
# names. One that has none any more is to be taken out.
my @later = map { qr{^(?:$_)$} } 'src/tables/sequences\.[ch]', 'src/worker/resync_shape\.c', 
  'src/check/\w+\.[ch]', 'src/api/\w+\.[ch]', 'src/dest/pgsql/\w+\.[ch]', 'src/dest/mysql/session\.c', 'src/worker/run_repair\.c', 'docs/troubleshooting\.md', 'src/source/source\.h', 'src/source/pgsql/pg_meaning\.c',
  'test/t/mysql/verify\.pl';
my %still;
sub later { my ($file) = @_; my ($x) = grep { $file =~ $later[$_] } 0 .. $#later; $still{$x} = 1 if defined $x; return defined $x }

my %texts;
for my $file (grep { m{^src/.*\.[ch]$} } @files)
{
    my ($comments, $strings) = c_texts(slurp($file));
    $texts{$file} = [ (map { found($_) } @$comments), map { found($_, 1) } grep { !/^"(?:SELECT|WITH|UPDATE|INSERT|DELETE) / } @$strings ];
}
$texts{$_} = [ found(join ' ', slurp($_) =~ s/^```.*?^```$//msgr) ] for grep { m{^(?:README|CONTRIBUTING|SECURITY|CHANGELOG|docs/.*)\.?(?:md)?$} } @files;
$texts{$_} = [ found(slurp($_)) ] for grep { m{^sql/.*\.sql$|^dtsmig--1} } @files;
# of tests, the comments alone: labels and SQL may say what they like
for my $file (grep { m{^test/(?:t|lib|model)/.*\.(?:pl|pm)$} && !m{common/words\.pl$} } @files)
{
    my $text = join ' ', map { s/^\s*#\s*//r } grep { /^\s*#/ } split /\n/, slurp($file);
    $texts{$file} = [ map { my $w = $_; map { "$_ ($w->[1])" } $text =~ /(.{0,30}$w->[0].{0,30})/g } @words ];
}
for my $dir (sort keys %{ { map { (s{/[^/]*$}{}r => 1) } keys %texts } })
{
    my @bad = map { my $f = $_; map { "$f: $_" } @{ $texts{$f} } } grep { !@{ $texts{$_} } || !later($_) } sort grep { s{/[^/]*$}{}r eq $dir } keys %texts;
    is(join("\n", @bad), '', "$dir: words that a DBA knows");
}

# Names of files, functions and what else C names.
my $name = qr/(?:^|_)(?:tell|told|tells|carry|carried|carries|mend|mended|anew|beside|book|books|in_step|passed_over|held_back|here|there)(?:_|$)/;
is(join(' ', grep { (s{.*/}{}r =~ s/\..*//r) =~ //i } @files), '', 'names of files');
my %named;
for my $file (grep { m{^src/.*\.[ch]$} } @files)
{
    my $code = slurp($file) =~ s{/\*.*?\*/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'}{ }gsr;
    $named{$1}{$file} = 1 while $code =~ /\b([a-zA-Z]\w*)\b/g;
}
my @names = grep { lc =~ $name } sort keys %named;
is(join("\n", map { my $n = $_; map { "$n in $_" } grep { !later($_) } sort keys %{ $named{$n} } } @names), '', 'names in the sources');
is(join(' ', map { $later[$_] } grep { !$still{$_} } 0 .. $#later), '', 'what is to follow is still to follow');

# and the test sees what it shall not
is(scalar(found('The table here is told of, beside the rest.')), 3, 'each word is seen');
is(scalar(found('There is no such table. Is there one? From here on it is locked.')), 0, 'what is allowed is not');
done_testing();
