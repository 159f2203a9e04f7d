package guard_test

import (
	"sort"
	"strings"
	"testing"
)

func sorted(lines []string) []string {
	sort.Strings(lines)
	return lines
}

func TestOldFilesStayInModeRW(t *testing.T) {
	dir := folder(t, "work")
	write(t, dir+"/old", "old")
	write(t, dir+"/inner/old", "old")
	give(t, dir)
	session := run{folders: []string{"rw:" + dir}, dir: dir}
	got := session.exec(t, "rm", "old")
	if got.code != 1 || !strings.Contains(got.stderr, "rm: cannot remove 'old': Operation not permitted") {
		t.Errorf("rm of an old file: %d %s", got.code, got.stderr)
	}
	if want := `cloister: "` + dir + `/old" was there before this session and was not deleted: this needs mode rwd or trash`; !strings.Contains(got.stderr, want) {
		t.Errorf("said: %s", got.stderr)
	}
	got = session.exec(t, "rm", "-rf", "old", "inner")
	if n := strings.Count(got.stderr, "cloister:"); n != 1 {
		t.Errorf("told %d times: %s", n, got.stderr)
	}
	if read(t, dir+"/old") != "old" || read(t, dir+"/inner/old") != "old" {
		t.Error("old files are gone")
	}
	// Controls: what the session made goes, renaming and overwriting go, and without the guard deletion goes.
	session.must(t, shell(`echo new >new; rm new; mkdir made; rmdir made; mv old renamed; echo more >>renamed; mv renamed old; ! test -e new`)...)
	run{role: "plain", dir: dir}.must(t, "rm", "old")
	if exists(dir + "/old") {
		t.Error("the control did not delete")
	}
}

func TestOldFilesGoToTheTrash(t *testing.T) {
	dir := folder(t, "work")
	write(t, dir+"/inner/deep/old", "old")
	write(t, dir+"/top", "top")
	give(t, dir)
	session := run{folders: []string{"trash:" + dir}, dir: dir}
	session.must(t, shell(`rm -r inner; rm top; ! test -e inner; ! test -e top; echo new >top; rm top; ls -A`)...)
	if got := trashOf(t, dir, "ls"); !strings.Contains(got, "inner/deep/old") || !strings.Contains(got, "  top\n") || strings.Count(got, "\n") != 3 {
		t.Errorf("ls: %s", got)
	}
	// What is in the trash stays there.
	got := session.exec(t, "rm", "-rf", ".cloister-trash")
	if got.code != 1 || strings.Count(got.stderr, "cloister:") != 1 || !strings.Contains(got.stderr, "is in the trash and was not deleted") {
		t.Errorf("rm of the trash: %d %s", got.code, got.stderr)
	}
	trashOf(t, dir, "restore")
	if read(t, dir+"/inner/deep/old") != "old" || read(t, dir+"/top") != "top" {
		t.Error("not restored")
	}
	if got := trashOf(t, dir, "ls"); got != "the trash is empty\n" {
		t.Errorf("ls: %s", got)
	}
}

func TestTheGuardEndsWithAnErrorThatSaysWhy(t *testing.T) {
	dir := folder(t, "work")
	give(t, dir)
	for _, folder := range []string{"rw:" + dir + "/none", "rw:/usr"} {
		got := run{folders: []string{folder}}.exec(t, "true")
		if got.code != 125 || !strings.Contains(got.stderr, "the deletion guard did not start") || !strings.Contains(got.stderr, "cloister: the deletion guard: ") {
			t.Errorf("%s: %d %s", folder, got.code, got.stderr)
		}
	}
}
