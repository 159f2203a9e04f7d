// Command kit does for the boot scripts what a shell cannot do well or fast:
//
//	kit settings FILE   prints what the scripts need of machine.json, as shell assignments
//	kit blank DEVICE    exit 0: nothing but zeros was found; 1: there is data (its offset is printed); 2: cannot tell
package main

import (
	"fmt"
	"os"

	"cloister/kit/internal/blank"
	"cloister/kit/internal/settings"
)

func main() {
	if len(os.Args) != 3 {
		usage()
	}
	switch os.Args[1] {
	case "settings":
		text, err := settings.Read(os.Args[2])
		if err != nil {
			fail(err)
		}
		fmt.Print(text)
	case "blank":
		offset, err := blank.FirstData(os.Args[2])
		if err != nil {
			fail(err)
		}
		if offset >= 0 {
			fmt.Println(offset)
			os.Exit(1)
		}
	default:
		usage()
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: kit settings FILE | kit blank DEVICE")
	os.Exit(2)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "kit:", err)
	os.Exit(2)
}
