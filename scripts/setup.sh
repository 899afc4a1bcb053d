# Set-up for the launcher: what has to be on the machine, and what has to be built before a command can run. Sourced.
# Each step looks first whether there is anything to do, by a checksum of the sources kept under .cache/.

cache="$root/.cache"
server_program="$root/src/CloudSync.Server/bin/Release/net10.0/CloudSync.Server"
cluster_program="$root/src/CloudSync.Cluster/bin/Release/net10.0/CloudSync.Cluster"
chaos_program="$root/tests/CloudSync.Chaos/bin/Release/net10.0/CloudSync.Chaos"
simulation_program="$root/tests/CloudSync.Simulation/bin/Release/net10.0/CloudSync.Simulation"
traps_program="$root/tests/CloudSync.Traps/bin/Release/net10.0/CloudSync.Traps"
bench_program="$root/bench/CloudSync.Bench/bin/Release/net10.0/CloudSync.Bench"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

fail() {
  echo "cloudsync: $*" >&2
  exit 1
}

# Runs steps one after another. Two launchers at once would build into the same folders, so one waits for the other.
prepare() {
  # As another user than the one who built here, one would stumble at the next step.
  { mkdir -p "$cache" && [ -w "$cache" ] && : >>"$cache/lock"; } 2>/dev/null ||
    fail "$cache can't be written to: it belongs to another user. Run this as that user, or use a copy of your own."
  if command -v flock >/dev/null; then
    exec 9>>"$cache/lock"
    flock -n 9 || { echo "Waiting for another ./cloudsync that is building…" >&2; flock 9; }
  fi
  local step
  for step in "$@"; do "$step"; done
  # Closed before the program starts, which would hold the lock as long as it runs.
  exec 9>&-
}

# checksum FILE_OR_FOLDER…: of all sources there.
checksum() {
  (cd "$root" && find "$@" \( -name bin -o -name obj -o -name dist -o -name node_modules -o -name test-results -o -name generated \) -prune \
    -o -type f -exec cksum {} + | LC_ALL=C sort | cksum)
}

# once NAME OUTPUT "SOURCES" MESSAGE COMMAND…: runs the command, unless OUTPUT is there and was made from the same
# sources. Quiet when it goes well; shows everything when it doesn't.
once() {
  local stamp="$cache/$1.stamp" output="$2" sum message="$4" log="$cache/$1.log"
  # shellcheck disable=SC2086
  sum=$(checksum $3)
  shift 4
  if [ -e "$output" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then return; fi
  [ -n "${said_how_long:-}" ] || [ -e "$output" ] || {
    echo "The first time everything is built, which takes some minutes." >&2
    said_how_long=1
  }
  echo "$message" >&2
  rm -f "$stamp"
  (cd "$root" && "$@") >"$log" 2>&1 </dev/null 9>&- || { cat "$log" >&2; fail "this failed: $*"; }
  echo "$sum" >"$stamp"
}

need_dotnet() {
  command -v dotnet >/dev/null || fail "the .NET 10 SDK is missing (dotnet); see https://dot.net/download"
  (cd "$root" && dotnet --version) >/dev/null 2>&1 ||
    fail "the .NET 10 SDK is missing; installed here: $(cd / && dotnet --list-sdks | cut -d' ' -f1 | tr '\n' ' ')"
}

need_node() {
  command -v node >/dev/null && command -v npm >/dev/null ||
    fail "Node.js 20 or newer with npm is missing; see https://nodejs.org"
  local version
  version=$(node --version)
  version=${version#v}
  [ "${version%%.*}" -ge 20 ] || fail "Node.js 20 or newer is needed; this is $version"
}

install_packages() {
  need_node
  once npm "$root/node_modules" "package.json package-lock.json .npmrc" "Installing the npm packages…" npm ci
}

install_peers() {
  need_node
  once peers "$root/bench/peers/node_modules" "bench/peers/package.json bench/peers/package-lock.json" \
    "Installing the peers that the engine is measured beside…" npm ci --prefix bench/peers
}

install_peer_servers() {
  need_node
  once peer-servers "$root/bench/peers/servers/node_modules" "bench/peers/servers/package.json bench/peers/servers/package-lock.json" \
    "Installing the peers that the server is measured beside…" npm ci --prefix bench/peers/servers
}

build_web() {
  install_packages
  once web "$root/web/dist/index.html" "clients/typescript web src/CloudSync.Protocol/protos package-lock.json" \
    "Building the TypeScript client and the web app…" build_workspaces
}

build_workspaces() {
  npm run build --workspace clients/typescript --if-present && npm run build --workspace web --if-present
}

dotnet_settings="Directory.Build.props Directory.Packages.props global.json .editorconfig"

# No build servers: nothing that the launcher started may stay behind.
build_project() {
  dotnet build "$1" -c Release --nologo -v quiet --disable-build-servers
}

build_server() {
  need_dotnet
  once server "$server_program" "src $dotnet_settings" "Building the server…" build_project src/CloudSync.Server
}

build_bench() {
  need_dotnet
  once bench "$bench_program" "src bench tests/CloudSync.Verification tests/CloudSync.Fuzzing $dotnet_settings" "Building the measuring program…" \
    build_project bench/CloudSync.Bench
}

build_chaos() {
  need_dotnet
  once chaos "$chaos_program" "src deploy/nginx tests/CloudSync.Chaos bench/CloudSync.Bench/Replay/Trace.cs $dotnet_settings" \
    "Building the chaos run…" build_project tests/CloudSync.Chaos
}

build_simulation() {
  need_dotnet
  once simulation "$simulation_program" "src tests/CloudSync.Simulation $dotnet_settings" "Building the simulator…" \
    build_project tests/CloudSync.Simulation
}

build_traps() {
  need_dotnet
  once traps "$traps_program" "tests/CloudSync.Traps $dotnet_settings" "Building the traps…" build_project tests/CloudSync.Traps
}

build_cluster() {
  need_dotnet
  once cluster "$cluster_program" "src deploy/nginx $dotnet_settings" "Building the cluster's launcher…" build_project src/CloudSync.Cluster
}

build_all() {
  need_dotnet
  local samples=""
  [ ! -d "$root/samples" ] || samples=samples
  once solution "$server_program" "src bench tests $samples deploy/nginx CloudSync.slnx $dotnet_settings" "Building everything…" \
    build_project CloudSync.slnx
}

# The servers that a cluster is made of, Debian's packages, and what tells whether each is there.
install_servers() {
  install_debian redis-server "command -v redis-server" postgresql "ls /usr/lib/postgresql/*/bin/postgres" \
    pgbouncer "ls /usr/sbin/pgbouncer" rabbitmq-server "ls /usr/lib/rabbitmq/bin/rabbitmq-server" nginx "ls /usr/sbin/nginx" \
    util-linux "command -v setpriv"
}

# The chaos run sets clocks with it. Where it can't be installed, the report says what was left out for it.
install_faketime() {
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    install_debian libfaketime "ls /usr/lib/*/faketime/libfaketimeMT.so.1"
  fi
}

# The browser tests drive a real Chromium.
install_chromium() {
  install_debian chromium "command -v chromium"
}

# install_debian PACKAGE "TEST" …: installs the packages whose test fails. None of them is left running as a service: what
# CloudSync needs it starts itself, in folders and on ports of its own.
install_debian() {
  local missing="" policy=/usr/sbin/policy-rc.d own_policy="" ok=1
  while [ $# -gt 0 ]; do
    sh -c "$2" >/dev/null 2>&1 || missing="$missing $1"
    shift 2
  done
  missing="${missing# }"
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    fail "missing: $missing. Install with your system's packages (on Debian, as root: apt-get install $missing)"
  fi
  echo "Installing $missing…" >&2
  # Asked by Debian's packages before they start their service: 101 is no.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && own_policy=1
  fi
  # shellcheck disable=SC2086
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } \
    >"$cache/packages.log" 2>&1 </dev/null 9>&- || ok=""
  [ -z "$own_policy" ] || rm -f "$policy"
  [ -n "$ok" ] || { tail -n 20 "$cache/packages.log" >&2; fail "can't be installed: $missing"; }
}
