#!/bin/sh
# Stands in for sudo(8) where a test runs a remote helper on this computer: runs the command as whoever asks; for a shell of the
# operator's, a plain one.
[ "$1" = -n ] && shift
[ "$1" = -i ] && exec sh -i
exec "$@"
