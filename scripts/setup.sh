# Set-up for the launcher: what has to be on the machine, and what has to be built before a command can run. Sourced.
# Each step looks first whether there is anything to do, by a checksum of the sources kept under .cache/.

cache="$root/.cache"
server_program="$root/src/CloudSync.Server/bin/Release/net10.0/CloudSync.Server"
bench_program="$root/bench/CloudSync.Bench/bin/Release/net10.0/CloudSync.Bench"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

fail() {
  echo "cloudsync: $*" >&2
  exit 1
}

# Runs steps one after another. Two launchers at once would build into the same folders, so one waits for the other.
prepare() {
  mkdir -p "$cache" || fail "cannot write to $cache"
  if command -v flock >/dev/null; then
    exec 9>"$cache/lock"
    flock -n 9 || { echo "Waiting for another ./cloudsync that is building…" >&2; flock 9; }
  fi
  local step
  for step in "$@"; do "$step"; done
  # Closed before the program starts, which would hold the lock as long as it runs.
  exec 9>&-
}

# checksum FILE_OR_FOLDER…: of all sources there.
checksum() {
  (cd "$root" && find "$@" \( -name bin -o -name obj -o -name dist -o -name node_modules -o -name test-results \) -prune \
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
  once bench "$bench_program" "src bench $dotnet_settings" "Building the measuring program…" \
    build_project bench/CloudSync.Bench
}

build_all() {
  need_dotnet
  local samples=""
  [ ! -d "$root/samples" ] || samples=samples
  once solution "$server_program" "src bench tests $samples CloudSync.slnx $dotnet_settings" "Building everything…" \
    build_project CloudSync.slnx
}

# The browser tests drive a real Chromium: Debian's package, where there is none yet.
install_chromium() {
  if command -v chromium >/dev/null; then return; fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    fail "chromium is missing; install it (on Debian, as root: apt-get install chromium)"
  fi
  echo "Installing chromium…" >&2
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } \
    >"$cache/chromium.log" 2>&1 </dev/null 9>&- || { tail -n 20 "$cache/chromium.log" >&2; fail "chromium can't be installed"; }
}
