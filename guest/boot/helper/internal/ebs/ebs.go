// Package ebs finds a disk of EBS by the device name that EC2 attached it under. NVMe disks are numbered in the order in
// which the kernel finds them, which may change with every boot; the name is in what the disk says of itself
// (Amazon EBS user guide, "Map Amazon EBS volumes to NVMe device names"; amazonlinux/amazon-ec2-utils, ebsnvme-id).
package ebs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Model is what every NVMe controller of EBS calls itself.
const Model = "Amazon Elastic Block Store"

// Where the name is, in the vendor-specific part of the two pages of NVMe's Identify command. Newer hosts have it in the
// namespace's page, all have it in the controller's.
const (
	PageSize         = 4096
	controllerOffset = 3072
	namespaceOffset  = 384
	nameSize         = 32
)

var name = regexp.MustCompile(`^[a-z]{2,3}[a-z0-9]{1,13}$`)

// DeviceName reads the name from the two pages, without /dev/; empty when there is none.
func DeviceName(controller, namespace []byte) string {
	for _, field := range [][]byte{at(namespace, namespaceOffset), at(controller, controllerOffset)} {
		// Padded with spaces, or ended by a NUL; with /dev/ or without, as it was given when the disk was attached.
		text, _, _ := strings.Cut(string(field), "\x00")
		text = strings.TrimPrefix(strings.TrimSpace(text), "/dev/")
		if name.MatchString(text) {
			return text
		}
	}
	return ""
}

func at(page []byte, offset int) []byte {
	if len(page) < offset+nameSize {
		return nil
	}
	return page[offset : offset+nameSize]
}

// Identify asks a disk for its two pages.
type Identify func(device string) (controller, namespace []byte, err error)

// Find returns the disks that EC2 attached under a name, such as /dev/sdf: at most one, unless something is very wrong.
// Disks that are not of EBS are passed over; what went wrong with those that are is returned too.
func Find(wanted, sys, dev string, identify Identify) (found []string, problems []error) {
	wanted = strings.TrimPrefix(wanted, "/dev/")
	models, _ := filepath.Glob(filepath.Join(sys, "class/nvme/*/model"))
	for _, path := range models {
		model, err := os.ReadFile(path)
		if err != nil || strings.TrimSpace(string(model)) != Model {
			continue
		}
		// EBS gives every volume a controller of its own, with one namespace.
		disk := filepath.Join(dev, filepath.Base(filepath.Dir(path))+"n1")
		controller, namespace, err := identify(disk)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s does not say what it is: %w", disk, err))
		} else if DeviceName(controller, namespace) == wanted {
			found = append(found, disk)
		}
	}
	return found, problems
}
