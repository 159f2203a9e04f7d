# shellcheck shell=sh
# Certificate authorities of the stack's configuration (cloud-init leaves them in /etc/cloister/authorities.pem): trusted by the
# system, and in a file of their own for programs that have their own list (guest/sandbox/authorities.ts). Needs lib.sh.

: "${CLOISTER_LOCAL:=/usr/local}"

# Before packages are installed: a mirror's certificate may be of one of these.
authorities() {
  _given=$CLOISTER_ETC/cloister/authorities.pem _own=$CLOISTER_ETC/ssl/cloister
  [ -s "$_given" ] || return 0
  if [ -e "$_own/authorities.pem" ] && cmp -s "$_given" "$_own/authorities.pem"; then return 0; fi
  _folder=$CLOISTER_LOCAL/share/ca-certificates/cloister _number=0
  rm -rf "$_folder" && mkdir -p "$_folder" "$_own" || stop "cannot make $_folder for certificate authorities"
  # One file each, as update-ca-certificates(8) wants them.
  while read -r _line; do
    case $_line in -----BEGIN*) _number=$((_number + 1)) ;; esac
    printf '%s\n' "$_line" >>"$_folder/authority-$_number.crt" || stop "cannot write to $_folder"
  done <"$_given"
  _said=$(update-ca-certificates 2>&1) ||
    stop "the certificate authorities of cloister:certificateAuthorities could not be installed: $_said"
  # Last: it says that all of this was done.
  cp "$_given" "$_own/authorities.pem" && chmod 0644 "$_own/authorities.pem" || stop "cannot write to $_own"
}
