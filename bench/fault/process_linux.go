package fault

import "syscall"

// dieWithParent lets the kernel kill the child when this process ends, however it ends: a test that times out leaves no engine behind.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
