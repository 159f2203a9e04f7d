#!/bin/sh
# Stands in for ssh(1) where no machine runs: answers every command with the report in $CLOISTER_TEST_REPORT.
exec cat "$CLOISTER_TEST_REPORT"
