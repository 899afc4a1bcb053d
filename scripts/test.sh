#!/usr/bin/env bash
# Runs every test suite, two lanes beside each other, and adds them up. Started by `./cloudsync test`, which has built everything.
# A suite's output is shown when it fails. The last line is the sum.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

passed=0 failed=0 skipped=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Servers live for seconds here, hundreds of them: compiled quickly instead of well (CloudSync.Server.csproj) they start sooner.
export DOTNET_TC_QuickJit=1

# Against a suite that hangs, so that the others still run and the failure is named.
limit="timeout --kill-after=10 900"
command -v timeout >/dev/null || limit=""

# count NAME EXIT_CODE TOTAL FAILED SKIPPED LOG: adds one suite's numbers to the sum and shows them.
count() {
  local name=$1 exit_code=$2 total=$3 bad=$4 idle=$5 log=$6
  # A runner that died without a summary, found no tests, or failed beside its tests, counts as one failure.
  if [ "$exit_code" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1 total=$((total + 1)); fi
  if [ "$total" -lt "$bad" ] || [ "$total" -eq 0 ]; then bad=1 total=1 idle=0; fi
  local good=$((total - bad - idle))
  [ "$bad" -eq 0 ] || cat "$log"
  echo "$name: $good passed, $bad failed$([ "$idle" -eq 0 ] || echo ", $idle skipped") ($((SECONDS - began)) s)"
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + idle))
}

# summary LOG WORD: the number after WORD in the summary of a .NET test runner; nothing if there is none.
summary() { grep -oE "^ *$2: *[0-9]+" "$1" | tail -n 1 | grep -oE "[0-9]+" || true; }

# run_dotnet PROJECT [WHAT OPTION…]: all of a project's tests, or with the runner's options some of them once more.
run_dotnet() {
  local name log=$scratch/log exit_code=0 what=${2:-}
  name=$(basename "$1")
  # A project without tests yet has nothing to run.
  grep -rqE '\[(Fact|Theory)' --include='*.cs' "$1" || return 0
  began=$SECONDS
  $limit "$1/bin/Release/net10.0/$name" --no-ansi --progress off "${@:3}" >"$log" 2>&1 </dev/null || exit_code=$?
  local total bad idle
  total=$(summary "$log" total) bad=$(summary "$log" failed) idle=$(summary "$log" skipped)
  count "$name${what:+, $what}" "$exit_code" "${total:-0}" "${bad:-1}" "${idle:-0}" "$log"
}

# run_node NAME FOLDER REPORT 'JAVASCRIPT' COMMAND…: the script turns the JSON report r into [total, failed, skipped].
run_node() {
  local name=$1 folder=$2 report=$3 script=$4 log=$scratch/log exit_code=0 numbers
  shift 4
  began=$SECONDS
  (cd "$folder" && $limit "$@") >"$log" 2>&1 </dev/null || exit_code=$?
  numbers=$(node -e "const r = JSON.parse(require('fs').readFileSync('$report')); console.log(($script).join(' '))" \
    2>/dev/null) || numbers="0 1 0"
  # shellcheck disable=SC2086
  count "$name" "$exit_code" $numbers "$log"
}

# holds_tests FOLDER
holds_tests() {
  [ -n "$(find "$1" -name node_modules -prune -o \( -name '*.test.ts' -o -name '*.spec.ts' \) -print -quit)" ]
}

run_node_suites() {
  local folder
  for folder in clients/typescript web; do
    holds_tests "$folder" || continue
    run_node "$folder" "$folder" "$scratch/vitest.json" '[r.numTotalTests, r.numFailedTests, r.numPendingTests + r.numTodoTests]' \
      npx vitest run --reporter=default --reporter=json --outputFile.json="$scratch/vitest.json"
    rm -f "$scratch/vitest.json"
  done

  if holds_tests tests/Browser; then
    export PLAYWRIGHT_JSON_OUTPUT_NAME="$scratch/playwright.json"
    run_node tests/Browser tests/Browser "$scratch/playwright.json" \
      '[r.stats.expected + r.stats.unexpected + r.stats.flaky + r.stats.skipped, r.stats.unexpected + r.stats.flaky, r.stats.skipped]' \
      npx playwright test --reporter=list,json
  fi
}

# The suites on Node, and some on .NET after them so that both lanes take about as long, run beside the others on .NET, which
# wait for servers and disks much of the time. They are shown after them; what they come to is passed on in a file.
beside="tests/CloudSync.EndToEnd.Tests tests/CloudSync.Operations.Tests tests/CloudSync.RabbitMq.Tests"
everything=$scratch
mkdir "$everything/beside"
(
  scratch=$everything/beside
  trap - EXIT
  run_node_suites
  for project in $beside; do run_dotnet "$project"; done
  echo "$passed $failed $skipped" >"$scratch/sum"
) >"$everything/beside.log" 2>&1 &
second_lane=$!

for project in tests/*.Tests; do
  [[ " $beside " == *" $project "* ]] || run_dotnet "$project"
done

# The gateway on ASP.NET Core's WebSockets, for applications that keep those.
CLOUDSYNC_TEST_SOCKETS=ordinary run_dotnet tests/CloudSync.Tests "on ASP.NET Core's sockets" --filter-namespace CloudSync.Tests.Gateway

wait "$second_lane" || true
cat "$everything/beside.log"
if read -r good bad idle <"$everything/beside/sum"; then
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + idle))
else
  echo "The suites of the second lane broke off."
  failed=$((failed + 1))
fi

echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
