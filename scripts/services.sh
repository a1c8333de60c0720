#!/usr/bin/env bash
# Makes Redis (127.0.0.1:6379) and PostgreSQL 15 with pgvector (127.0.0.1:5432) answer on Debian bookworm, and sees to `ip`,
# Chromium and Firefox ESR.
# Idempotent: what already answers is left as it is. Root is needed only where something is installed or started.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
export LC_ALL=C.UTF-8 # a cluster created without a UTF-8 locale would store SQL_ASCII
for name in ${!PG@}; do unset "$name"; done
export PGPASSFILE=/nonexistent PGCONNECT_TIMEOUT=5

readonly hba=/etc/postgresql/15/main/pg_hba.conf
readonly bin=/usr/lib/postgresql/15/bin
readonly debian_sources=/etc/apt/sources.list.d/debian.sources
lists_are_fresh=no

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp" # apt downloads as its own user

say() { printf 'services: %s\n' "$*"; }
die() { printf 'services: error: %s\n' "$*" >&2; exit 1; }

need_root() { [[ $EUID -eq 0 ]] || die "$1 needs root: run scripts/services.sh as root"; }

# Runs a noisy command; its output is shown only if it fails.
quietly() {
  "$@" >"$tmp/log" 2>&1 </dev/null || { cat "$tmp/log" >&2; die "failed: $*"; }
}

# Tries a command every quarter of a second, for 30 seconds at most.
wait_for() {
  local deadline=$((SECONDS + 30))
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.25
  done
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_missing() {
  local package missing=()
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
  ((${#missing[@]})) || return 0
  need_root "installing ${missing[*]}"
  if [[ $lists_are_fresh == no ]]; then
    say 'updating the package lists'
    quietly apt-get -o DPkg::Lock::Timeout=120 update
    lists_are_fresh=yes
  fi
  say "installing ${missing[*]}"
  quietly apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${missing[@]}"
}

# --- Redis ---

redis_answers() {
  local reply=
  { exec 3<>/dev/tcp/127.0.0.1/6379; } 2>/dev/null || return 1
  printf 'PING\r\n' >&3
  read -r -t 2 reply <&3 || true
  exec 3>&-
  [[ $reply == +PONG* ]]
}

start_redis() {
  need_root 'starting Redis'
  say 'starting Redis'
  quietly runuser -u redis -- redis-server --daemonize yes --bind 127.0.0.1 -::1 --port 6379 \
    --save '' --appendonly no --dir /var/lib/redis --logfile /var/log/redis/hangup.log
  wait_for redis_answers || die 'Redis did not answer; see /var/log/redis/hangup.log'
}

provide_redis() {
  redis_answers || install_missing redis-server
  redis_answers || start_redis
  say 'Redis answers on 127.0.0.1:6379'
}

# --- PostgreSQL ---

query() { psql -w -X -h 127.0.0.1 -p 5432 -U postgres -d postgres -Atc "$1"; }
can_log_in() { query 'select 1' >/dev/null 2>&1; }
is_ready() { pg_isready -q -h 127.0.0.1 -p 5432; }
port_is_open() { (exec 3<>/dev/tcp/127.0.0.1/5432) 2>/dev/null; }
cluster() { pg_ctlcluster --skip-systemctl-redirect 15 main "$@"; }
cluster_is_online() { [[ $(pg_lsclusters -h 2>/dev/null | awk '$1 == 15 && $2 == "main" { print $3, $4 }') == '5432 online'* ]]; }

start_postgres() {
  need_root 'starting PostgreSQL'
  say 'starting PostgreSQL 15'
  quietly cluster start
  wait_for is_ready || die 'cluster 15/main does not answer on 127.0.0.1:5432; see pg_lsclusters and /var/log/postgresql'
}

# Only for a cluster that this run created: an existing one is never loosened.
trust_loopback() {
  say 'letting role postgres of the new cluster in over 127.0.0.1'
  sed -i '1i host all postgres 127.0.0.1/32 trust' "$hba"
  quietly cluster reload
  wait_for can_log_in || true # the caller says what is wrong
}

# An apt upgrade under a running cluster breaks PL/pgSQL until the restart that policy-rc.d may have prevented.
restart_if_outdated() {
  local installed running
  cluster_is_online || return 0
  installed=$("$bin/postgres" --version)
  running=$(query 'show server_version')
  [[ ${installed#*) } != "$running" ]] || return 0
  need_root 'restarting PostgreSQL'
  say "restarting PostgreSQL: $running runs, ${installed#*) } is installed"
  quietly cluster restart
  wait_for can_log_in || die 'PostgreSQL did not come back; see /var/log/postgresql'
}

provide_postgres() {
  local is_ours=no
  if port_is_open; then
    command -v psql >/dev/null || install_missing postgresql-client-15
  else
    [[ -e $hba ]] || is_ours=yes
    install_missing postgresql-15
    [[ -e $hba ]] || quietly pg_createcluster 15 main
    port_is_open || start_postgres
  fi
  wait_for is_ready || die 'what listens on 127.0.0.1:5432 does not answer as PostgreSQL does'
  if [[ $is_ours == yes ]] && ! can_log_in; then trust_loopback; fi
  can_log_in ||
    die 'role postgres cannot log in over 127.0.0.1:5432 without a password, and an existing cluster is not loosened: allow it in pg_hba.conf'
  restart_if_outdated
  say "PostgreSQL $(query 'show server_version') answers on 127.0.0.1:5432"
}

# --- pgvector: bookworm has no package of it, so it is built from the source package of trixie ---

is_local_15() { cluster_is_online && [[ $(query 'show server_version_num') == 15???? ]]; }
vector_version() { query "select default_version from pg_available_extensions where name = 'vector'"; }

# The archive and the key that this machine already uses for bookworm itself.
trixie_source() {
  printf 'Types: deb-src\nSuites: trixie\nComponents: main\n'
  awk -v RS= -F '\n' '/(^|\n)Suites:[^\n]* bookworm( |\n|$)/ {
    for (i = 1; i <= NF; i++) if ($i ~ /^(URIs|Signed-By):/) print $i
    exit
  }' "$debian_sources"
}

# apt-get with sources, lists and caches of its own, so that the machine's stay as they are.
apt_trixie() {
  quietly apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$tmp/sources" \
    -o Dir::State::Lists="$tmp/lists" -o Dir::Cache="$tmp/cache" "$@"
}

download_pgvector() {
  [[ -r $debian_sources ]] || die "there is no $debian_sources to read the archive and its key from"
  mkdir -p "$tmp"/{sources,lists/partial,cache/archives/partial,download,build}
  trixie_source >"$tmp/sources/trixie.sources"
  grep -q '^URIs:' "$tmp/sources/trixie.sources" || die "no bookworm entry with URIs in $debian_sources"
  cd "$tmp/download"
  apt_trixie update
  apt_trixie source --download-only pgvector
  tar -xf pgvector_*.orig.tar.* -C "$tmp/build" --strip-components=1
}

build_pgvector() {
  local options=(-C "$tmp/build" with_llvm=no OPTFLAGS= "PG_CONFIG=$bin/pg_config")
  quietly make "${options[@]}" -j "$(nproc)"
  quietly make "${options[@]}" install
}

install_pgvector() {
  is_local_15 ||
    die 'the server on 127.0.0.1:5432 has no pgvector and is not cluster 15/main of this machine: install pgvector there'
  need_root 'installing pgvector'
  install_missing postgresql-server-dev-15 make gcc libc6-dev
  say 'downloading the source of pgvector'
  download_pgvector
  say 'building pgvector'
  build_pgvector
  restart_if_outdated
}

provide_pgvector() {
  [[ -n $(vector_version) ]] || install_pgvector
  [[ -n $(vector_version) ]] || die 'pgvector was built, but PostgreSQL does not list it'
  say "pgvector $(vector_version) is available"
}

# --- Networks that go down, for tests of clients that vanish ---

provide_ip() {
  command -v ip >/dev/null || install_missing iproute2
  say "$(ip -V) makes networks, for root"
}

# --- Browsers ---

provide_browsers() {
  [[ -x /usr/bin/chromium ]] || install_missing chromium
  [[ -x /usr/bin/firefox-esr ]] || install_missing firefox-esr
  say 'Chromium and Firefox ESR are here'
}

provide_redis
provide_postgres
provide_pgvector
provide_ip
provide_browsers
