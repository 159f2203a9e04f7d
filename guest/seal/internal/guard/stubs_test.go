package guard_test

func makeCalls([]string) {}
func attack([]string) {}
func deleteUnderSignals([]string) {}
func deleteMany([]string) {}
