package socketwall

const numberOfBpf = 321
