package socketwall

const numberOfBpf = 280
