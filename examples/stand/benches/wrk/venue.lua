-- The orders and guests of benches/http/venue.rs, made again by number.

GUESTS = 1000
ORDER, BONUS, DEPOSIT, BONUS_PAYMENT, DEPOSIT_PAYMENT = 1, 2, 3, 5, 6

function id(space, n)
  local first = (n * 2654435761) % 4294967296
  return string.format("%08x-0000-4000-8000-%x%011x", first, space, n)
end

local headers = {
  ["Accept"] = "application/json",
  ["Authorization"] = "Bearer till-1-secret",
  ["Content-Type"] = "application/json",
}

function asked(method, path, body)
  return wrk.format(method, path, headers, body)
end

function done(summary, latency)
  local refused = summary.errors.status + summary.errors.read + summary.errors.timeout
  io.write(string.format("requests=%d us=%d p99=%d refused=%d\n",
    summary.requests, summary.duration, latency:percentile(99), refused))
end
