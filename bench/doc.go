// Command bench measures Daypass beside floors: programs that do only what cannot be left out.
//
//	go run ./bench                     everything, as a table; make bench
//	go run ./bench -only exchange      the measurements whose name begins so
//	go run ./bench -write              also writes bench/RESULTS.md
//
// It owns the floors, the load and the table. A server under load, its floor, the upstream and the generator are each a
// process of their own, so that neither garbage collection nor memory of one counts for another. Ours is the server that
// 'daypass serve' runs, with its defaults, over a store in a temporary folder, made through its own API.
//
// Machines differ, and one machine differs from minute to minute. So ours and its floor are measured in turns, many short
// rounds each, by the same generator sending the same bytes; what counts is the median of the ratios of neighbouring
// rounds. Figures without a floor (bytes, allocations, microseconds) are held against the number they are required to
// meet, and are only right on a machine that does little else.
//
// Floors run as any Go program does. Ours also lets its heap grow a little before it collects garbage ([server.TuneHeap]),
// because that is what 'daypass serve' does; the time it saves is ours, and the memory it takes is in the figures.
//
// It refuses to flatter: an answer with another status than expected ends the run, what a server still writes after a
// round counts as that round's time, and the exit code is 1 when a requirement is not met. It reads /proc, so it needs
// Linux.
package main
