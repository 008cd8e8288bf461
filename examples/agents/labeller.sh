#!/bin/sh
# An agent in a shell script, without curl or jq: it labels mail that says it is urgent, and answers none.
#
# The event comes as one line of JSON on stdin. Nothing of it is ever part of a command: it is only searched for words.
set -eu
event=$(cat)

case $event in
  *[Uu][Rr][Gg][Ee][Nn][Tt]* | *[Dd][Rr][Ii][Nn][Gg][Ee][Nn][Dd]* | *ASAP*)
    printf '%s\n' '{"actions":[{"type":"label","label":"Urgent"},{"type":"done","summary":"Labelled as urgent."}]}'
    ;;
  *)
    printf '%s\n' '{"actions":[{"type":"done","summary":"Not urgent."}]}'
    ;;
esac
