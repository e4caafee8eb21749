// Measures github.com/emmansun/gmsm for `cargo bench -p gm`, which starts it and asks on standard input.
//
// A request is a line `OPERATION MILLISECONDS`; the answer is a line `OPERATION NANOSECONDS`, the CPU time of one operation
// (that of the whole process: collecting garbage is part of the price). A wrong result ends the program.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gmsm: ")
	runtime.GOMAXPROCS(1)

	operations := operations()
	sizes := map[string]int{}
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		var name string
		var milliseconds int
		if _, err := fmt.Sscanf(requests.Text(), "%s %d", &name, &milliseconds); err != nil {
			log.Fatalf("expected `OPERATION MILLISECONDS`, got `%s`", requests.Text())
		}
		operation, known := operations[name]
		if !known {
			log.Fatalf("expected an operation, got `%s`", name)
		}
		budget := time.Duration(milliseconds) * time.Millisecond
		if sizes[name] == 0 {
			sizes[name] = calibrated(operation, budget)
		}
		spent := run(operation, sizes[name])
		fmt.Printf("%s %f\n", name, float64(spent.Nanoseconds())/float64(sizes[name]))
	}
	if err := requests.Err(); err != nil {
		log.Fatal(err)
	}
}

// How many times an operation runs in the budget, found by doubling.
func calibrated(operation func(), budget time.Duration) int {
	for count := 1; ; count *= 2 {
		if spent := run(operation, count); spent > budget/4 {
			return max(1, int(int64(count)*int64(budget)/int64(spent)))
		}
	}
}

func run(operation func(), count int) time.Duration {
	before := cpuTime()
	for range count {
		operation()
	}
	return cpuTime() - before
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func check(holds bool, what string) {
	if !holds {
		log.Fatalf("wrong result: %s", what)
	}
}
