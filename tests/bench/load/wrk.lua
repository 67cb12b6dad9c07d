-- The load of one benchmark, for wrk. Settings come from the environment:
--   BENCH_METHOD, BENCH_PATH (a "%d" in it becomes the key's number, ten digits),
--   BENCH_KEYS (how many keys, chosen at random), BENCH_BODY.
-- Ends with one line of JSON that bench.ts reads.
local method = os.getenv("BENCH_METHOD") or "GET"
local path = os.getenv("BENCH_PATH") or "/"
local keys = tonumber(os.getenv("BENCH_KEYS") or "1")
local body = os.getenv("BENCH_BODY")
local headers = {}
if body then headers["Content-Type"] = "application/x-www-form-urlencoded" end

-- Random keys repeat, in the same order in every run.
function init()
  math.randomseed(42)
end

function request()
  local key = math.random(0, keys - 1)
  return wrk.format(method, string.format(path, key), headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"p50Ms":%.4f,"p99Ms":%.4f,"maxMs":%.4f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
