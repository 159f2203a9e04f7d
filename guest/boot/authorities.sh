# shellcheck shell=sh
# Certificate authorities of the stack's configuration (cloud-init leaves them in /etc/cloister/authorities.pem): trusted by the
# system, and in a file of their own for programs that have their own list (guest/sandbox/authorities.ts). Needs lib.sh.

: "${CLOISTER_LOCAL:=/usr/local}"

# Before packages are installed: a mirror's certificate may be of one of these.
authorities() {
  _given=$CLOISTER_ETC/cloister/authorities.pem _own=$CLOISTER_ETC/ssl/cloister
  [ -s "$_given" ] || return 0
  if [ -e "$_own/authorities.pem" ] && cmp -s "$_given" "$_own/authorities.pem"; then return 0; fi
  _folder=$CLOISTER_LOCAL/share/ca-certificates/cloister _certs=$CLOISTER_ETC/ssl/certs _number=0
  rm -rf "$_folder" && mkdir -p "$_folder" "$_own" || stop "cannot make $_folder for certificate authorities"
  # One file each, where update-ca-certificates(8) finds them whenever a package calls it.
  while read -r _line; do
    case $_line in -----BEGIN*) _number=$((_number + 1)) ;; esac
    printf '%s\n' "$_line" >>"$_folder/cloister-authority-$_number.crt" || stop "cannot write to $_folder"
  done <"$_given"
  # It starts a process or two for each of the 150 public authorities, which takes minutes where the machine is emulated. What it
  # would do for these few is done here: a line in the list, a link by the name, a link by the hash.
  while [ "$_number" -gt 0 ]; do
    _name=cloister-authority-$_number _again=0
    _hash=$(openssl x509 -noout -hash -in "$_folder/$_name.crt" 2>&1) ||
      stop "a certificate authority of cloister:certificateAuthorities could not be installed: $_hash"
    while [ -e "$_certs/$_hash.$_again" ]; do _again=$((_again + 1)); done
    { cat "$_folder/$_name.crt" >>"$_certs/ca-certificates.crt" && ln -sf "$_folder/$_name.crt" "$_certs/$_name.pem" &&
      ln -s "$_name.pem" "$_certs/$_hash.$_again"; } 2>/dev/null ||
      stop "the certificate authorities of cloister:certificateAuthorities could not be written to $_certs"
    _number=$((_number - 1))
  done
  # Last: it says that all of this was done.
  cp "$_given" "$_own/authorities.pem" && chmod 0644 "$_own/authorities.pem" || stop "cannot write to $_own"
}
