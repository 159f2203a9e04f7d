package keeper

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bench is a machine of folders, with real processes for supervisors and sessions.
type bench struct {
	t *testing.T
	Machine
	mutex sync.Mutex
	said  []string
}

// fakeUserdel does what userdel does to a list of users; `locked` beside it stands for a lock, `calls` counts.
const fakeUserdel = `#!/bin/sh
cd "$(dirname "$0")" || exit 2
echo "$1" >>calls
if [ -e locked ]; then rm locked; exit 1; fi
if [ -e broken ]; then echo 'no good' >&2; exit 12; fi
grep -q "^$1:" passwd || exit 6
grep -v "^$1:" passwd >passwd.new
mv passwd.new passwd
`

func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("cleaning up is root's work")
	}
	// In memory, as /run is.
	root, err := os.MkdirTemp("/dev/shm", "cloister-keeper-")
	if err != nil {
		root = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	b := &bench{t: t}
	b.Machine = Machine{
		Running: root + "/run/sessions", Homes: root + "/sessions", Records: root + "/run/unremoved", Groups: root + "/groups",
		Passwd: root + "/passwd", Userdel: root + "/userdel", Say: b.say,
	}
	for _, folder := range []string{b.Running, b.Homes, b.Groups} {
		must(t, os.MkdirAll(folder, 0o755))
	}
	must(t, os.WriteFile(b.Passwd, []byte("root:x:0:0:root:/root:/bin/bash\n"), 0o644))
	must(t, os.WriteFile(b.Userdel, []byte(fakeUserdel), 0o755))
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) say(line string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.said = append(b.said, line)
}

func (b *bench) heard(part string) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return strings.Contains(strings.Join(b.said, "\n"), part)
}

// start starts a keeper, which ends with the test.
func (b *bench) start() *Keeper {
	b.t.Helper()
	k, err := New(b.Machine)
	must(b.t, err)
	stop := make(chan struct{})
	over := make(chan error)
	go func() { over <- k.Run(stop) }()
	b.t.Cleanup(func() {
		close(stop)
		if err := <-over; err != nil {
			b.t.Error(err)
		}
	})
	return k
}

func (b *bench) supervisor() *exec.Cmd {
	b.t.Helper()
	command := exec.Command("sleep", "600")
	must(b.t, command.Start())
	b.t.Cleanup(func() { _ = command.Process.Kill() })
	return command
}

// kill9 kills a process, and lets somebody else than this process wait for it: it stays a zombie for a while.
func kill9(command *exec.Cmd) {
	_ = command.Process.Kill()
	go func() {
		time.Sleep(50 * time.Millisecond)
		_ = command.Wait()
	}()
}

// claim does what guest/sessions/state.ts does.
func (b *bench) claim(name string, by int, keep bool) {
	b.t.Helper()
	must(b.t, b.claimAs(name, owner{Pid: by, Started: startOf(by), Keep: keep}))
}

func (b *bench) claimAs(name string, by owner) error {
	made := fmt.Sprintf("%s/.new.%d.%s.%d", b.Running, os.Getpid(), startOf(os.Getpid()), time.Now().UnixNano())
	if err := os.Mkdir(made, 0o700); err != nil {
		return err
	}
	text, _ := json.Marshal(by)
	if err := os.WriteFile(made+"/owner.json", text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(made, b.Running+"/"+name); err != nil {
		_ = os.RemoveAll(made)
		return err
	}
	return nil
}

// fill makes what a running session has: files of its own in /run, a home, a user.
func (b *bench) fill(name string, uid int) {
	b.t.Helper()
	must(b.t, os.MkdirAll(filepath.Join(b.Running, name, "egress"), 0o750))
	must(b.t, os.MkdirAll(filepath.Join(b.Running, name, "scratch"), 0o755))
	must(b.t, os.WriteFile(filepath.Join(b.Running, name, "passwd"), nil, 0o644))
	must(b.t, unix.Mknod(filepath.Join(b.Running, name, "egress/http.sock"), unix.S_IFSOCK|0o600, 0))
	home := filepath.Join(b.Homes, name)
	must(b.t, os.MkdirAll(home+"/work/deep", 0o750))
	must(b.t, os.WriteFile(home+"/work/deep/file", nil, 0o600))
	must(b.t, os.Chown(home, uid, uid))
	b.addUser(name, uid, home)
}

func (b *bench) addUser(name string, uid int, home string) {
	b.t.Helper()
	file, err := os.OpenFile(b.Passwd, os.O_APPEND|os.O_WRONLY, 0)
	must(b.t, err)
	_, err = fmt.Fprintf(file, "%s:x:%d:%d::%s:/bin/bash\n", name, uid, uid, home)
	must(b.t, err)
	must(b.t, file.Close())
}

func (b *bench) hasUser(name string) bool {
	text, err := os.ReadFile(b.Passwd)
	must(b.t, err)
	return strings.Contains("\n"+string(text), "\n"+name+":")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (b *bench) running() []string {
	found, err := os.ReadDir(b.Running)
	must(b.t, err)
	var names []string
	for _, entry := range found {
		names = append(names, entry.Name())
	}
	return names
}

// within fails the test unless something is so before the time is over.
func (b *bench) within(limit time.Duration, what string, is func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(limit); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.mutex.Lock()
			defer b.mutex.Unlock()
			b.t.Fatalf("not within %v: %s; in /run: %v; said: %q", limit, what, b.running(), b.said)
		}
	}
}

// group is a control group with real processes: killed by a goroutine where the kernel would do it.
func (b *bench) group(name string, dies bool) *exec.Cmd {
	b.t.Helper()
	folder := filepath.Join(b.Groups, "cloister-session-"+name+".scope")
	must(b.t, os.MkdirAll(folder, 0o755))
	must(b.t, os.WriteFile(folder+"/cgroup.kill", nil, 0o200))
	must(b.t, os.WriteFile(folder+"/cgroup.events", []byte("populated 1\nfrozen 0\n"), 0o444))
	inside := b.supervisor()
	over := make(chan struct{})
	b.t.Cleanup(func() { close(over) })
	go func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(2 * time.Millisecond):
			}
			text, err := os.ReadFile(folder + "/cgroup.kill")
			if !dies || err != nil || string(text) != "1" {
				continue
			}
			_ = inside.Process.Kill()
			_ = inside.Wait()
			_ = os.RemoveAll(folder)
			return
		}
	}()
	return inside
}

const patience = time.Second

func TestKilledHundredTimes(t *testing.T) {
	b := newBench(t)
	b.start()
	bystander := b.supervisor()
	b.claim("still-alive-bohr", bystander.Process.Pid, false)
	b.fill("still-alive-bohr", 20_001)
	slowest := time.Duration(0)
	for i := range 100 {
		name := "brave-" + strconv.Itoa(i)
		supervisor := b.supervisor()
		b.claim(name, supervisor.Process.Pid, false)
		b.fill(name, 20_002+i)
		inside := b.group(name, true)
		kill9(supervisor)
		begin := time.Now()
		b.within(patience, name+" is gone", func() bool {
			return !exists(b.Running+"/"+name) && !exists(b.Homes+"/"+name) && !b.hasUser(name) &&
				!exists(b.Groups+"/cloister-session-"+name+".scope") && unix.Kill(inside.Process.Pid, 0) == unix.ESRCH
		})
		slowest = max(slowest, time.Since(begin))
	}
	t.Logf("the slowest took %v", slowest)
	b.within(patience, "nothing but the living session is left", func() bool {
		names := b.running()
		return len(names) == 1 && names[0] == "still-alive-bohr"
	})
	// The control: whose supervisor lives, loses nothing.
	if !exists(b.Homes+"/still-alive-bohr/work/deep/file") || !b.hasUser("still-alive-bohr") || exists(b.Records) {
		t.Fatal("a living session lost something, or something is said to stay")
	}
}

func TestKilledBeforeTheKeeperStarts(t *testing.T) {
	b := newBench(t)
	supervisor := b.supervisor()
	b.claim("x", supervisor.Process.Pid, false)
	b.fill("x", 20_001)
	_ = supervisor.Process.Kill()
	_ = supervisor.Wait()
	b.start()
	b.within(patience, "x is gone", func() bool { return len(b.running()) == 0 && !exists(b.Homes+"/x") && !b.hasUser("x") })
}

func (b *bench) mark(name string) {
	b.t.Helper()
	must(b.t, os.MkdirAll(filepath.Join(b.Homes, unkeptFolder), 0o700))
	must(b.t, os.WriteFile(filepath.Join(b.Homes, unkeptFolder, name), nil, 0o600))
}

// After a crash of the whole machine /run has nothing; the session disk has homes and marks.
func TestCrashOfTheMachine(t *testing.T) {
	b := newBench(t)
	for i, name := range []string{"marked", "kept-one", "in-use"} {
		b.fill(name, 20_001+i)
		must(t, os.RemoveAll(filepath.Join(b.Running, name)))
	}
	b.mark("marked")
	b.mark("in-use")
	b.mark("no-home")
	b.mark("..bad")
	b.claim("in-use", b.supervisor().Process.Pid, false)
	// A crash in the moment in which a home is still root's.
	b.mark("half-made")
	must(t, os.MkdirAll(filepath.Join(b.Homes, "half-made"), 0o700))
	b.start()
	b.within(patience, "the marked sessions are gone", func() bool {
		gone := true
		for _, name := range []string{"marked", "no-home", "half-made"} {
			gone = gone && !exists(b.Homes+"/"+name) && !b.hasUser(name) && !exists(b.Homes+"/"+unkeptFolder+"/"+name) &&
				!exists(b.Running+"/"+name)
		}
		return gone
	})
	// The controls: one that is kept, and one that somebody runs.
	for _, name := range []string{"kept-one", "in-use"} {
		if !exists(b.Homes+"/"+name+"/work/deep/file") || !b.hasUser(name) {
			t.Fatalf("%s lost something; said: %q", name, b.said)
		}
	}
	if !exists(b.Homes+"/"+unkeptFolder+"/in-use") || !exists(b.Running+"/in-use") {
		t.Fatal("a session that runs lost its mark or its name")
	}
}

// A machine's folder that has a session's name and a mark stays: it is older than the mark, and root's.
func TestMarkedFolderOfSomebodyElse(t *testing.T) {
	b := newBench(t)
	must(t, os.MkdirAll(filepath.Join(b.Homes, "archive/years"), 0o755))
	time.Sleep(20 * time.Millisecond)
	b.mark("archive")
	b.start()
	b.within(patience, "it was looked at", func() bool { return b.heard("session archive: nobody ran it; not all") })
	if !exists(b.Homes + "/archive/years") {
		t.Fatal("a folder that is no session's was removed")
	}
}

func TestKept(t *testing.T) {
	b := newBench(t)
	b.start()
	supervisor := b.supervisor()
	b.claim("x", supervisor.Process.Pid, true)
	b.fill("x", 20_001)
	inside := b.group("x", true)
	kill9(supervisor)
	b.within(patience, "x is over", func() bool {
		return len(b.running()) == 0 && unix.Kill(inside.Process.Pid, 0) == unix.ESRCH
	})
	if !exists(b.Homes+"/x/work/deep/file") || !b.hasUser("x") {
		t.Fatal("what was to be kept is gone")
	}
}

// Whoever removes a kept session may be killed in the middle of it: the next one of its name must not have its output.
func TestKilledWhileItRemoves(t *testing.T) {
	b := newBench(t)
	b.start()
	logs := b.Homes + "/.cloister/logs/"
	must(t, os.MkdirAll(logs, 0o700))
	for _, name := range []string{"x.log", "x.log.1", "x.json", "y.log"} {
		must(t, os.WriteFile(logs+name, []byte("private\n"), 0o600))
	}
	supervisor := b.supervisor()
	b.claim("x", supervisor.Process.Pid, false)
	b.fill("x", 20_001)
	kill9(supervisor)
	b.within(patience, "x is gone", func() bool { return len(b.running()) == 0 && !exists(b.Homes+"/x") })
	left, err := os.ReadDir(logs)
	must(t, err)
	if len(left) != 1 || left[0].Name() != "y.log" {
		t.Fatalf("not only the other session's output is there: %v", left)
	}
}

// A number that was used again is another process.
func TestReusedNumber(t *testing.T) {
	b := newBench(t)
	b.start()
	other := b.supervisor()
	must(t, b.claimAs("x", owner{Pid: other.Process.Pid, Started: "1", Keep: false}))
	b.within(patience, "x is gone", func() bool { return len(b.running()) == 0 })
}

func TestWhatIsNoSessions(t *testing.T) {
	b := newBench(t)
	// A user of the machine, and a folder of the operator's, under names that somebody wanted for a session.
	b.addUser("bob", 20_005, "/home/bob")
	b.addUser("operator", 1000, b.Homes+"/operator")
	for _, name := range []string{"site", "operator"} {
		must(t, os.MkdirAll(b.Homes+"/"+name+"/file", 0o755))
		must(t, os.Chown(b.Homes+"/"+name, 1000, 1000))
	}
	must(t, os.Mkdir(b.Homes+"/roots", 0o755))
	time.Sleep(20 * time.Millisecond)
	for _, name := range []string{"bob", "site", "operator", "roots"} {
		must(t, b.claimAs(name, owner{Pid: 1, Started: "x", Keep: false}))
	}
	// And names that none can have.
	for _, name := range []string{"folders", "UPPER", "a_b", "..a", strings.Repeat("x", 33)} {
		must(t, b.claimAs(name, owner{Pid: 1, Started: "x", Keep: false}))
		must(t, os.MkdirAll(b.Homes+"/"+name, 0o755))
		must(t, os.Chown(b.Homes+"/"+name, 20_001, 20_001))
	}
	b.start()
	b.within(patience, "what had a name is released", func() bool { return len(b.running()) == 5 })
	if !b.hasUser("bob") || !b.hasUser("operator") || exists(filepath.Dir(b.Passwd)+"/calls") {
		t.Error("a user of the machine is gone")
	}
	for _, name := range []string{"site/file", "operator/file", "roots", "folders", "UPPER", "a_b"} {
		if !exists(b.Homes + "/" + name) {
			t.Errorf("%s is gone", name)
		}
	}
	for _, name := range []string{"site", "operator", "roots"} {
		text, _ := os.ReadFile(b.Records + "/" + name)
		if !strings.Contains(string(text), "which is no session's") {
			t.Errorf("record of %s: %q", name, text)
		}
	}
	if info, err := os.Stat(b.Records); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("records: %v, %v", info, err)
	}
}

// A home that was just made is root's until it is given to its user.
func TestHalfMadeHome(t *testing.T) {
	b := newBench(t)
	supervisor := b.supervisor()
	b.claim("x", supervisor.Process.Pid, false)
	must(t, os.Mkdir(b.Homes+"/x", 0o700))
	b.start()
	kill9(supervisor)
	b.within(patience, "x is gone", func() bool { return len(b.running()) == 0 && !exists(b.Homes+"/x") })
}

func TestUserThatAppearsLater(t *testing.T) {
	b := newBench(t)
	b.start()
	supervisor := b.supervisor()
	b.claim("x", supervisor.Process.Pid, false)
	kill9(supervisor)
	b.within(patience, "x is gone", func() bool { return len(b.running()) == 0 })
	b.addUser("x", 20_001, b.Homes+"/x")
	// One that is just being made, and one with a home, are no orphans.
	living := b.supervisor()
	b.claim("y", living.Process.Pid, false)
	b.addUser("y", 20_002, b.Homes+"/y")
	b.addUser("z", 20_003, b.Homes+"/z")
	must(t, os.Mkdir(b.Homes+"/z", 0o750))
	b.within(5*time.Second, "the user x is gone", func() bool { return !b.hasUser("x") })
	time.Sleep(500 * time.Millisecond)
	if !b.hasUser("y") || !b.hasUser("z") || len(b.running()) != 1 {
		t.Fatal("a user that is needed is gone")
	}
}

func TestLockedUsers(t *testing.T) {
	b := newBench(t)
	must(t, os.WriteFile(filepath.Dir(b.Passwd)+"/locked", nil, 0o644))
	must(t, b.claimAs("x", owner{Pid: 1, Started: "x", Keep: false}))
	b.fill("x", 20_001)
	b.start()
	b.within(patience, "the user x is gone", func() bool { return !b.hasUser("x") && len(b.running()) == 0 })
	if calls, _ := os.ReadFile(filepath.Dir(b.Passwd) + "/calls"); string(calls) != "x\nx\n" {
		t.Fatalf("%q", calls)
	}
}

func TestWhatStaysIsTold(t *testing.T) {
	b := newBench(t)
	must(t, os.WriteFile(filepath.Dir(b.Passwd)+"/broken", nil, 0o644))
	must(t, b.claimAs("x", owner{Pid: 1, Started: "x", Keep: false}))
	b.fill("x", 20_001)
	b.start()
	b.within(patience, "x is released", func() bool { return len(b.running()) == 0 && exists(b.Records+"/x") })
	text, err := os.ReadFile(b.Records + "/x")
	if err != nil || string(text) != "user: userdel ended with 12: \"no good\"\n" || !b.heard("not all could be removed: user: ") {
		t.Fatalf("%q, %v, %q", text, err, b.said)
	}
	// Once it is mended, the record goes with the session.
	must(t, os.Remove(filepath.Dir(b.Passwd)+"/broken"))
	must(t, b.claimAs("x", owner{Pid: 1, Started: "x", Keep: false}))
	b.within(patience, "the record is gone", func() bool { return !exists(b.Records+"/x") && !b.hasUser("x") })
}

// Whose processes do not die, keeps its name and its home.
func TestProcessesThatDoNotDie(t *testing.T) {
	b := newBench(t)
	supervisor := b.supervisor()
	b.claim("x", supervisor.Process.Pid, false)
	b.fill("x", 20_001)
	b.group("x", false)
	k, err := New(b.Machine)
	must(t, err)
	k.killFor = 100 * time.Millisecond
	stop, over := make(chan struct{}), make(chan error)
	go func() { over <- k.Run(stop) }()
	kill9(supervisor)
	b.within(patience, "it is told", func() bool { return exists(b.Records + "/x") })
	if !exists(b.Homes+"/x/work/deep/file") || !b.hasUser("x") || len(b.running()) != 1 || !b.heard("do not die") {
		t.Fatal("a session was removed under its processes")
	}
	close(stop)
	must(t, <-over)
}

func TestUnknownOwner(t *testing.T) {
	b := newBench(t)
	past := time.Now().Add(-time.Minute)
	for _, name := range []string{"young", "old", "spoilt"} {
		must(t, os.Mkdir(b.Running+"/"+name, 0o700))
	}
	b.fill("spoilt", 20_001)
	must(t, os.WriteFile(b.Running+"/spoilt/owner.json", []byte("{"), 0o600))
	must(t, os.Chtimes(b.Running+"/spoilt", past, past))
	must(t, os.Chtimes(b.Running+"/old", past, past))
	b.start()
	b.within(patience, "only the young one is left", func() bool {
		names := b.running()
		return len(names) == 1 && names[0] == "young"
	})
	if !exists(b.Homes+"/spoilt/work") || !b.hasUser("spoilt") {
		t.Fatal("what may have been kept is gone")
	}
}

func TestReadOwner(t *testing.T) {
	folder := t.TempDir()
	fd, err := unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(t, err)
	defer func() { _ = unix.Close(fd) }()
	for text, good := range map[string]bool{
		`{"pid":1,"started":"2","keep":false}`:            true,
		`{"pid":1,"started":"2","keep":true}`:             true,
		`{"pid":1,"started":"2"}`:                         false,
		`{"pid":0,"started":"2","keep":false}`:            false,
		`{"pid":1.5,"started":"2","keep":false}`:          false,
		`{"pid":"1","started":"2","keep":false}`:          false,
		`{"pid":1,"started":2,"keep":false}`:              false,
		`{"pid":1,"started":"2","keep":null}`:             false,
		`{"pid":1,"started":"2","keep":false,"more":1}`:   false,
		`{"pid":1,"started":"2","keep":false`:             false,
		``:                                                false,
		`[]`:                                              false,
		strings.Repeat(" ", longestOwner) + `{"pid":1...`: false,
	} {
		must(t, os.WriteFile(folder+"/owner.json", []byte(text), 0o600))
		if found, err := readOwner(fd, "owner.json"); (err == nil) != good || good && found.Pid != 1 {
			t.Errorf("%.60q: %v, %v", text, found, err)
		}
	}
	must(t, os.Remove(folder+"/owner.json"))
	must(t, unix.Mkfifo(folder+"/owner.json", 0o600))
	if _, err := readOwner(fd, "owner.json"); err == nil {
		t.Error("a FIFO was read")
	}
}

// What a process leaves that is killed while it claims or releases.
func TestHidden(t *testing.T) {
	b := newBench(t)
	b.start()
	supervisor := b.supervisor()
	for _, what := range []string{"new", "gone"} {
		name := fmt.Sprintf("%s/.%s.%d.%s.1", b.Running, what, supervisor.Process.Pid, startOf(supervisor.Process.Pid))
		must(t, os.MkdirAll(name+"/egress", 0o700))
		must(t, os.WriteFile(name+"/owner.json", []byte("{}"), 0o600))
	}
	time.Sleep(100 * time.Millisecond)
	if len(b.running()) != 2 {
		t.Fatal("they were removed under a living process")
	}
	kill9(supervisor)
	b.within(patience, "they are gone", func() bool { return len(b.running()) == 0 })
}

// A supervisor that ends in order releases its session itself, and the keeper has nothing to do.
func TestEndsInOrder(t *testing.T) {
	b := newBench(t)
	b.start()
	const name = "x"
	for range 50 {
		supervisor := b.supervisor()
		b.claim(name, supervisor.Process.Pid, false)
		must(t, os.Mkdir(b.Running+"/x/egress", 0o700))
		gone := fmt.Sprintf("%s/.gone.%d.%s.1", b.Running, supervisor.Process.Pid, startOf(supervisor.Process.Pid))
		must(t, os.Rename(b.Running+"/x", gone))
		// Its name is free at once, and the next one has it before the first one's end is heard of.
		next := b.supervisor()
		b.claim(name, next.Process.Pid, false)
		must(t, os.MkdirAll(b.Homes+"/x/work", 0o700))
		must(t, os.Chown(b.Homes+"/x", 20_001, 20_001))
		kill9(supervisor)
		b.within(patience, "what it had is gone", func() bool { return !exists(gone) })
		if b.heard("was gone") || !exists(b.Homes+"/x/work") {
			t.Fatalf("the next session was touched: %q", b.said)
		}
		must(t, os.RemoveAll(b.Homes+"/x"))
		must(t, os.Rename(b.Running+"/x", gone))
		must(t, os.RemoveAll(gone))
		kill9(next)
	}
}

// Whoever finds a leftover first, has it alone.
func TestTakenOnce(t *testing.T) {
	b := newBench(t)
	k, err := New(b.Machine)
	must(t, err)
	defer k.close()
	for i := range 50 {
		name := "x" + strconv.Itoa(i)
		must(t, b.claimAs(name, owner{Pid: 1, Started: "x", Keep: false}))
		folder, err := k.open(name)
		must(t, err)
		held := whoHolds(folder)
		var all sync.WaitGroup
		taken := make(chan bool, 8)
		for range 8 {
			all.Add(1)
			go func() {
				defer all.Done()
				_, ok := k.take(folder, name, held)
				taken <- ok
			}()
		}
		all.Wait()
		close(taken)
		count := 0
		for ok := range taken {
			if ok {
				count++
			}
		}
		if count != 1 {
			t.Fatalf("%d took it", count)
		}
		// Nobody takes what was released meanwhile, though its folder is still open.
		must(t, k.release(name))
		must(t, b.claimAs(name, owner{Pid: os.Getpid(), Started: startOf(os.Getpid()), Keep: false}))
		if _, ok := k.take(folder, name, held); ok {
			t.Fatal("what was released was taken")
		}
		if next, err := k.open(name); err != nil || whoHolds(next).file != ownerFile {
			t.Fatal("the next session was touched")
		}
		_ = folder.Close()
	}
}
