// Command keeper is a service of the machine: it cleans up after supervisors that died, also of SIGKILL (internal/keeper).
// It takes no input but /run/cloister/sessions, and tells what it did on standard error, which is the journal.
//
//	keeper [--running DIR] [--homes DIR] [--records DIR] [--groups DIR] [--passwd FILE] [--userdel PROGRAM]
//
// The options are for tests.
package main

import (
	"flag"
	"fmt"
	"os"

	"cloister/seal/internal/keeper"
)

func main() {
	machine := keeper.ThisMachine(func(line string) { fmt.Fprintln(os.Stderr, "cloister: "+line) })
	for name, value := range map[string]*string{
		"running": &machine.Running, "homes": &machine.Homes, "records": &machine.Records,
		"groups": &machine.Groups, "passwd": &machine.Passwd, "userdel": &machine.Userdel,
	} {
		flag.StringVar(value, name, *value, "")
	}
	flag.Parse()
	watching, err := keeper.New(machine)
	if err == nil {
		err = watching.Run(nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cloister: "+err.Error())
		os.Exit(1)
	}
}
