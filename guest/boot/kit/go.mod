module cloister/kit

go 1.24.0
