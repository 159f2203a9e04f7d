module cloister/boot-helper

go 1.24.0
