#!/bin/sh
# Stands in for sudo(8) where a test runs a far end on this computer: runs the command as whoever asks.
[ "$1" = -n ] && shift
exec "$@"
