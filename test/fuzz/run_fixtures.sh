#!/bin/sh
# run_fixtures.sh DECODER FOLDER: decodes each captured log and compares the
# text with the expected one. TAP.
decoder=$1
folder=$2
n=0
failed=0
for log in "$folder"/*.binlog; do
	n=$((n + 1))
	name=$(basename "$log" .binlog)
	if "$decoder" "$log" | diff -u "$folder/$name.out" - >/tmp/fixture.$$ 2>&1; then
		echo "ok $n - $name"
	else
		failed=$((failed + 1))
		echo "not ok $n - $name"
		head -40 /tmp/fixture.$$ | sed 's/^/# /'
	fi
	rm -f /tmp/fixture.$$
done
echo "1..$n"
exit $((failed > 0))
