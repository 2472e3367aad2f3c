// Command daypass is Daypass: the server, and the commands that talk to one.
//
// It owns what people see in a terminal: commands, flags, tables, colours, the wording of errors, and exit codes. It refuses
// to know rules: the server decides, package server is configured and run, and everything else goes through the Go SDK, as
// any other program would.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 denied.
package main
