package main

import "fmt"

func steps(n int) (count int) {
	for ; n != 1; count++ {
		if n%2 == 1 {
			n = 3*n + 1
		} else {
			n /= 2
		}
	}
	return
}

func main() {
	var limit, total int
	fmt.Scan(&limit)
	for start := 1; start <= limit; start++ {
		fmt.Println(start, steps(start))
		total += steps(start)
	}
	fmt.Println("total", total)
}
