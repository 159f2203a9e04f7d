package guard_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// threadsOf is how many threads a process has.
func threadsOf(process int) int {
	entries, _ := os.ReadDir("/proc/" + strconv.Itoa(process) + "/task")
	return len(entries)
}

// TestAGuardWithoutFurtherThreads: a session that has reached its limit of tasks, in which the guard is counted, still deletes.
func TestAGuardWithoutFurtherThreads(t *testing.T) {
	dir := folder(t, "work")
	write(t, dir+"/old", "old")
	give(t, dir)
	settle()
	// Large files make calls slow, which get more workers; after quick ones those rest. All lines are told, and collected.
	script := `echo >up; for i in $(seq 1000); do test -e go && break; sleep 0.01; done; test -e go; rm -f up
for round in 1 2 3; do
  for i in 1 2 3 4; do head -c 20000000 /dev/zero >large$i; done
  for i in 1 2 3 4; do rm large$i & done; wait
  "$0" delete 300 1 both; "$0" delete 50 8 both
done; rm old && exit 1; echo done`
	var before, after int
	limited := make(chan error, 1)
	session := run{folders: []string{"rw:" + dir}, dir: dir, watch: func(guard *os.Process) {
		limited <- func() error {
			for end := time.Now().Add(30 * time.Second); !exists(dir + "/up"); time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					return errors.New("the session did not begin")
				}
			}
			// Of the guard alone: the session needs processes for its calls. Its user may do that.
			limit := exec.Command("prlimit", "--pid", strconv.Itoa(guard.Pid), "--nproc=1:1")
			limit.SysProcAttr = &syscall.SysProcAttr{Credential: credential()}
			if out, err := limit.CombinedOutput(); err != nil {
				return errors.New("prlimit: " + string(out))
			}
			before = threadsOf(guard.Pid)
			if err := os.WriteFile(dir+"/go", nil, 0o644); err != nil {
				return err
			}
			for now := before; now > 0; time.Sleep(time.Millisecond) {
				after = max(after, now)
				now = threadsOf(guard.Pid)
			}
			return nil
		}()
	}}
	got := session.exec(t, append(shell(script), testBinary(t))...)
	if got.code != 0 || got.guard != nil {
		t.Errorf("%d, the guard: %v\n%s%s", got.code, got.guard, got.stdout, got.stderr)
	}
	err := <-limited
	t.Logf("the guard has %d threads", before)
	if err != nil || before == 0 || after != before {
		t.Errorf("%v; %d threads, then %d\n%s", err, before, after, got.stderr)
	}
	// Control: with this limit this user gets no further thread or process.
	refused := exec.Command("bash", "-c", "ulimit -u 1; (true) 2>&1; echo $?")
	refused.SysProcAttr = &syscall.SysProcAttr{Credential: credential()}
	if out, _ := refused.CombinedOutput(); !strings.Contains(string(out), "Resource temporarily unavailable") {
		t.Errorf("the limit holds nothing back: %s", out)
	}
}
