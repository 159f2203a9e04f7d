// Command boot-helper does for the boot scripts what a shell cannot do well or fast:
//
//	boot-helper blank DEVICE    exit 0: nothing but zeros was found; 1: there is data (its offset is printed); 2: cannot tell
//	boot-helper sockets CGROUP  keeps the users of sessions away from the machine's UNIX sockets, in this control group and below
//	boot-helper ebs NAME        prints the disk that EC2 attached under this name, such as /dev/sdf; nothing when there is none
package main

import (
	"fmt"
	"os"

	"cloister/boot-helper/internal/blank"
	"cloister/boot-helper/internal/ebs"
	"cloister/boot-helper/internal/socketwall"
)

func main() {
	if len(os.Args) != 3 {
		usage()
	}
	switch os.Args[1] {
	case "blank":
		offset, err := blank.FirstData(os.Args[2])
		if err != nil {
			fail(err)
		}
		if offset >= 0 {
			fmt.Println(offset)
			os.Exit(1)
		}
	case "ebs":
		found, problems := ebs.Find(os.Args[2], folder("CLOISTER_SYS", "/sys"), folder("CLOISTER_DEV", "/dev"), ebs.Ask)
		for _, problem := range problems {
			fmt.Fprintln(os.Stderr, "boot-helper:", problem)
		}
		for _, disk := range found {
			fmt.Println(disk)
		}
	case "sockets":
		if err := socketwall.Build(os.Args[2]); err != nil {
			fail(err)
		}
	default:
		usage()
	}
}

// folder is a path that tests may set.
func folder(variable, usual string) string {
	if set := os.Getenv(variable); set != "" {
		return set
	}
	return usual
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: boot-helper blank DEVICE | boot-helper ebs NAME | boot-helper sockets CGROUP")
	os.Exit(2)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "boot-helper:", err)
	os.Exit(2)
}
