best=0
most=-1
while read -r start; do
	n=$start
	steps=0
	while ((n != 1)); do
		((n = n % 2 ? 3 * n + 1 : n / 2, ++steps))
	done
	echo "$start: $steps"
	if ((steps > most)); then
		best=$start
		most=$steps
	fi
done
echo "longest from $best"
