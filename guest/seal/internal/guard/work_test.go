package guard_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const sqliteWork = `
import sqlite3, sys
mode, path = sys.argv[1], sys.argv[2]
for _ in range(3):
    db = sqlite3.connect(path, isolation_level=None)
    assert db.execute("pragma journal_mode=" + mode).fetchone()[0] == mode
    db.execute("create table if not exists t (x)")
    for i in range(20):
        db.execute("begin"); db.execute("insert into t values (?)", (i,)); db.execute("commit")
    db.close()
assert sqlite3.connect(path).execute("select count(*) from t").fetchone()[0] == 60
`

// repository makes one that was there before the session, with ten files in two folders on two branches.
func repository(t testing.TB, dir string) {
	t.Helper()
	script := `git init -q -b main .; mkdir -p src/lib
for i in 1 2 3 4 5; do echo "top $i" >f$i; echo "lib $i" >src/lib/f$i; done
git add -A; git commit -qm one; git checkout -qb other; git rm -q src/lib/f1 f5; echo other >f1; git commit -qam two; git checkout -q main`
	run{role: "plain", dir: dir}.must(t, shell(script)...)
}

// TestWork shows that what a session makes in a folder of mode rw or trash works as in any folder.
func TestWork(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	scripts := map[string]string{
		"git": `git init -q -b main repo; cd repo
for i in $(seq 20); do echo $i >f$i; echo $i >same; git add -A; git commit -qm "commit $i"; done
git checkout -qb branch HEAD~5; test ! -e f20; echo b >b; git add b; git commit -qm b
git checkout -q main; test ! -e b; test -e f20; git merge -q branch -m merge; git branch -d branch
echo changed >same; git stash -q; test $(cat same) = 20; git stash pop -q; test $(cat same) = changed
git checkout -q same; git rebase -q HEAD~3; git tag a; git tag -d a
git gc -q --prune=now; git repack -adq; git fsck --strict; test -z "$(git status --porcelain)"; cd ..; git clone -q repo clone; rm -rf clone repo; test ! -e repo`,
		"sqlite, rollback": `python3 -c "$SQLITE" delete db; test ! -e db-journal`,
		"sqlite, wal":      `python3 -c "$SQLITE" wal db; test ! -e db-wal; test ! -e db-shm`,
		"tar":              `mkdir a; for i in 1 2 3; do echo $i >a/$i; done; tar -cf t.tar a; tar -xf t.tar; tar -xf t.tar --recursive-unlink; test $(cat a/3) = 3; rm -r a t.tar`,
		"editors":          `echo one >f; echo two >.f.tmp; mv .f.tmp f; sed -i s/two/three/ f; test $(cat f) = three; cp f f~; perl -pi -e s/three/four/ f; test $(cat f) = four; rm f~`,
		"temporary files":  `d=$(mktemp -d -p .); mktemp -p $d; python3 -c 'import tempfile; tempfile.TemporaryFile(dir="."); tempfile.TemporaryDirectory(dir=".").cleanup()'; rm -r $d`,
	}
	for name, script := range scripts {
		// The control shows that the script is right.
		for _, mode := range []string{"control", "rw", "trash"} {
			t.Run(name+", "+mode, func(t *testing.T) {
				dir := folder(t, "work")
				write(t, dir+"/before", "before")
				give(t, dir)
				settle()
				session := run{folders: []string{mode + ":" + dir}, dir: dir}
				if mode == "control" {
					session = run{role: "plain", dir: dir}
				}
				got := session.must(t, shell("SQLITE='"+sqliteWork+"'; "+script)...)
				if strings.Contains(got.stderr, "cloister:") {
					t.Errorf("told: %s", got.stderr)
				}
				if read(t, dir+"/before") != "before" || exists(dir+"/.cloister-trash") {
					t.Error("what was there before changed")
				}
			})
		}
	}
}

// TestWorkOnOldFiles is about files that were there before, in a folder of mode rw: only deletions fail.
func TestWorkOnOldFiles(t *testing.T) {
	fresh := func(t *testing.T) (string, run) {
		dir := folder(t, "work")
		give(t, dir)
		repository(t, dir)
		run{role: "plain", dir: dir}.must(t, shell("SQLITE='"+sqliteWork+`'; python3 -c "$SQLITE" delete db; tar -cf t.tar src; echo t.tar >.gitignore; echo db >>.gitignore`)...)
		settle()
		return dir, run{folders: []string{"rw:" + dir}, dir: dir}
	}
	works := map[string]string{
		"git commit":       `echo 1 >>f1; git commit -qam a; echo 2 >>f1; git commit -qam b; git checkout -qb new; git commit -q --allow-empty -m c; git checkout -q main; git branch -D new; git fsck`,
		"sqlite":           `python3 -c 'import sqlite3; d=sqlite3.connect("db"); d.execute("insert into t values (9)"); d.commit()'; test ! -e db-journal`,
		"tar, overwriting": `tar -xf t.tar --overwrite`,
		"editors":          `echo two >.f1.tmp; mv .f1.tmp f1; sed -i s/two/three/ f1; test $(cat f1) = three`,
	}
	for name, script := range works {
		t.Run(name, func(t *testing.T) {
			_, session := fresh(t)
			session.must(t, shell(script)...)
		})
	}
	fails := map[string]string{
		"git checkout": `git checkout -q other`,
		// GNU tar deletes a file before it writes it anew, unless it is told to overwrite.
		"tar": `tar -xf t.tar`,
		"rm":  `rm f1`,
	}
	for name, script := range fails {
		t.Run(name, func(t *testing.T) {
			dir, session := fresh(t)
			before := read(t, dir+"/src/lib/f1") + read(t, dir+"/f1")
			got := session.exec(t, shell(script)...)
			if strings.Count(got.stderr, "this needs mode rwd or trash") != 1 || read(t, dir+"/src/lib/f1")+read(t, dir+"/f1") != before {
				t.Errorf("%d %s", got.code, got.stderr)
			}
			// Control.
			run{role: "plain", dir: dir}.must(t, shell("git checkout -q -f main; "+script)...)
		})
	}
}

func TestTrashKeepsWhatGitDeletes(t *testing.T) {
	dir := folder(t, "work")
	give(t, dir)
	repository(t, dir)
	write(t, dir+"/f2", "not committed\n")
	give(t, dir)
	settle()
	session := run{folders: []string{"trash:" + dir}, dir: dir}
	session.must(t, shell(`git stash -q; test "$(cat f2)" = "top 2"; git checkout -q other; test ! -e f5; test ! -e src/lib/f1
test -z "$(git status --porcelain)"; git checkout -q main; git gc -q --prune=now; git fsck --strict; git clean -fdxq || true; tar -cf t.tar src; tar -xf t.tar`)...)
	listed := trashOf(t, dir, "ls")
	for _, want := range []string{"  f2\n", "  f5\n", "  src/lib/f1\n"} {
		if !strings.Contains(listed, want) {
			t.Errorf("not in the trash: %q\n%s", want, listed)
		}
	}
	// Never over what is there.
	if out, code := trashCommand(dir, "restore", "f2"); code != 1 || !strings.Contains(out, "something is there already") || read(t, dir+"/f2") != "top 2\n" {
		t.Errorf("%d %s", code, out)
	}
	if err := os.Remove(dir + "/f2"); err != nil {
		t.Fatal(err)
	}
	if out := trashOf(t, dir, "restore", "f2"); out != "restored f2\n" || read(t, dir+"/f2") != "not committed\n" {
		t.Errorf("%s", out)
	}
	trashOf(t, dir, "empty")
	if exists(dir + "/.cloister-trash") {
		t.Error("not emptied")
	}
}

// TestTrashKeepsEverything deletes a tree of many kinds, and brings it back.
func TestTrashKeepsEverything(t *testing.T) {
	dir := folder(t, "work")
	write(t, dir+"/a/b/c/file", "content")
	write(t, dir+"/a/private/file", "secret")
	long := strings.Repeat("l", 255)
	write(t, filepath.Join(dir, long, long, long, "file"), "long")
	write(t, dir+"/odd\n\x1b[31m\xff", "odd")
	give(t, dir)
	run{role: "plain", dir: dir}.must(t, shell(`chmod 700 a/private; chmod 751 a/b; ln -s nowhere a/link; mkfifo a/fifo; mkdir -p a/empty/empty; ln a/b/c/file a/hard; setfattr -n user.x -v y a/b/c/file 2>/dev/null || true`)...)
	settle()
	before := describe(t, dir)
	session := run{folders: []string{"trash:" + dir}, dir: dir}
	session.must(t, shell(`rm -rf -- *; test -z "$(ls)"`)...)
	if listed := trashOf(t, dir, "ls"); strings.Contains(listed, "\x1b") || strings.Contains(listed, "\xff") || !strings.Contains(listed, "a/empty/empty/\n") {
		t.Errorf("%q", listed)
	}
	trashOf(t, dir, "restore")
	if after := describe(t, dir); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// describe is what a tree is, and what is in it.
func describe(t testing.TB, dir string) string {
	t.Helper()
	out, err := exec.Command("bash", "-c", `cd "$1" && { find . -mindepth 1 -name .cloister-trash -prune -o -mindepth 1 -printf '%P %M %u %n %l\n'; find . -name .cloister-trash -prune -o -type f -exec md5sum {} +; } | sort`, "bash", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%s", out)
	}
	return string(out)
}

// TestTrashCollisions: what was at the same place twice is there twice.
func TestTrashCollisions(t *testing.T) {
	dir := folder(t, "work")
	for _, name := range []string{"x", "y", "z", "d/x", "e"} {
		write(t, filepath.Join(dir, name), name)
	}
	give(t, dir)
	settle()
	session := run{folders: []string{"trash:" + dir}, dir: dir}
	// x three times; a file where a folder was, and a folder where a file was.
	session.must(t, shell(`rm x; mv y x; rm x; mv z x; rm x; rm -r d; mv e d; rm d; test -z "$(ls)"`)...)
	listed := trashOf(t, dir, "ls")
	if strings.Count(listed, "  x\n") != 3 || strings.Count(listed, "  d/x\n") != 1 || strings.Count(listed, "  d\n") != 1 {
		t.Errorf("%s", listed)
	}
	contents, err := exec.Command("bash", "-c", `cat "$1"/.cloister-trash/*/x "$1"/.cloister-trash/*/d/x; cat "$1"/.cloister-trash/*/d 2>/dev/null; true`, "bash", dir).Output()
	if got := strings.Join(sorted(strings.Split(string(contents), "")), ""); got != "/dexxyz" {
		t.Errorf("contents %q %v", contents, err)
	}
}

// TestHostileTrash: a session that puts something else in the place of the trash keeps its old files, and nothing is
// deleted elsewhere.
func TestHostileTrash(t *testing.T) {
	outside := folder(t, "outside")
	write(t, outside+"/file", "outside")
	give(t, outside)
	cases := map[string]string{
		"link":        `ln -s ` + outside + ` .cloister-trash`,
		"file":        `echo >.cloister-trash`,
		"unwritable":  `mkdir .cloister-trash; chmod 500 .cloister-trash`,
		"fifo":        `mkfifo .cloister-trash`,
		"batch links": `echo 1 >.x; rm old2; for b in .cloister-trash/2*; do mv $b .moved; ln -s ` + outside + ` $b; done`,
	}
	for name, script := range cases {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, "work")
			write(t, dir+"/old", "old")
			write(t, dir+"/old2", "old")
			write(t, dir+"/inner/file", "old")
			give(t, dir)
			settle()
			session := run{folders: []string{"trash:" + dir}, dir: dir}
			got := session.exec(t, shell(script+`; rm old; echo "rm $?"; rm inner/file`)...)
			if exists(dir + "/old") {
				if !strings.Contains(got.stderr, "the trash cannot take it") {
					t.Errorf("%d %s", got.code, got.stderr)
				}
			} else if !strings.Contains(trashOf(t, dir, "ls"), "  old\n") {
				t.Errorf("neither there nor in the trash: %s", got.stderr)
			}
			if found := tree(t, outside); found != "file f" {
				t.Errorf("outside: %s", found)
			}
			// The operator's command does not follow either.
			for _, verb := range []string{"ls", "restore", "empty"} {
				_, _ = trashCommand(dir, verb)
			}
			if found := tree(t, outside); found != "file f" || read(t, outside+"/file") != "outside" {
				t.Errorf("outside, after the operator's commands: %s", found)
			}
		})
	}
}

func TestOperatorsTrash(t *testing.T) {
	dir := folder(t, "work")
	write(t, dir+"/a/b/file", "old")
	give(t, dir)
	settle()
	run{folders: []string{"trash:" + dir}, dir: dir}.must(t, "rm", "-r", "a")
	batch, err := filepath.Glob(dir + "/.cloister-trash/2*")
	if err != nil || len(batch) != 1 {
		t.Fatal(batch, err)
	}
	if status, err := os.Stat(dir + "/.cloister-trash"); err != nil || status.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", status, err)
	}
	// A link in the way of what is restored, and links in the trash.
	outside := folder(t, "outside")
	give(t, outside)
	for _, link := range []string{dir + "/a", batch[0] + "/link"} {
		if err := os.Symlink(outside, link); err != nil {
			t.Fatal(err)
		}
	}
	out, code := trashCommand(dir, "restore", "a/b/file")
	if code != 1 || exists(outside+"/b") {
		t.Errorf("restored through a link: %d %s", code, out)
	}
	for _, path := range []string{"../x", "/etc/passwd", ".cloister-trash", "none", "link/x"} {
		if out, code := trashCommand(dir, "restore", path); code != 1 {
			t.Errorf("%s: %d %s", path, code, out)
		}
	}
	if out, code := trashCommand(dir+"/a", "ls"); code != 1 {
		t.Errorf("a link as the folder: %d %s", code, out)
	}
	_ = os.Remove(dir + "/a")
	trashOf(t, dir, "restore", "a/b")
	if read(t, dir+"/a/b/file") != "old" {
		t.Error("not restored")
	}
	// Deeper than descriptors go, and folders without rights.
	run{role: "plain", dir: batch[0]}.must(t, "python3", "-c", `
import os
os.makedirs("none/x"); os.chmod("none", 0)
for _ in range(900): os.mkdir("0123456789"); os.chdir("0123456789")
open("file", "w")`)
	if out, code := trashCommand(dir, "ls"); code != 1 || !strings.Contains(out, "what is deeper is not shown") {
		t.Errorf("ls: %d %.300s", code, out)
	}
	if isRoot() {
		// One thing that cannot be deleted does not keep the rest.
		for _, path := range []string{batch[0] + "/others", batch[0] + "/others/file"} {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		out, code := trashCommand(dir, "empty")
		if code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, "file: permission denied") {
			t.Errorf("%d %s", code, out)
		}
		if err := os.RemoveAll(batch[0] + "/others"); err != nil {
			t.Fatal(err)
		}
	}
	trashOf(t, dir, "empty")
	if exists(dir + "/.cloister-trash") {
		t.Error("not emptied")
	}
}
