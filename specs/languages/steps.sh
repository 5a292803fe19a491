#!/bin/bash
read -r limit
total=0 start=1
while [ "$start" -le "$limit" ]; do
	n=$start steps=0
	while [ "$n" -ne 1 ]; do
		if [ $((n % 2)) -eq 1 ]; then
			n=$((3 * n + 1))
		else
			n=$((n / 2))
		fi
		steps=$((steps + 1))
	done
	echo "$start $steps"
	total=$((total + steps)) start=$((start + 1))
done
echo "total $total"
