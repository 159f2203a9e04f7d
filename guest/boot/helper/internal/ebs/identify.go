package ebs

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// adminCommand is struct nvme_admin_cmd of linux/nvme_ioctl.h.
type adminCommand struct {
	opcode, flags                            uint8
	_                                        uint16
	namespace                                uint32
	_                                        [2]uint32
	metadata                                 uint64
	address                                  uint64
	metadataLength, dataLength               uint32
	cdw10, cdw11, cdw12, cdw13, cdw14, cdw15 uint32
	timeoutMs, result                        uint32
}

const (
	ioctlAdmin     = 0xC0484E41 // NVME_IOCTL_ADMIN_CMD
	opcodeIdentify = 0x06
	// What is identified (NVM Express base specification, CNS).
	cnsNamespace  = 0
	cnsController = 1
)

// Ask sends NVMe's Identify to a disk. It takes root, and changes nothing.
func Ask(device string) (controller, namespace []byte, err error) {
	file, err := os.Open(device)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	if controller, err = identify(file, 0, cnsController); err != nil {
		return nil, nil, err
	}
	namespace, err = identify(file, 1, cnsNamespace)
	return controller, namespace, err
}

func identify(file *os.File, namespace, cns uint32) ([]byte, error) {
	page := make([]byte, PageSize)
	command := adminCommand{
		opcode: opcodeIdentify, namespace: namespace, cdw10: cns,
		address: uint64(uintptr(unsafe.Pointer(&page[0]))), dataLength: PageSize, timeoutMs: 5000,
	}
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), ioctlAdmin, uintptr(unsafe.Pointer(&command)))
	runtime.KeepAlive(page)
	if failed != 0 {
		return nil, failed
	}
	return page, nil
}
