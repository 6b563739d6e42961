-- The floor of G5 and G8: one movement for each request, under a key that is told as an argument.

function init(args)
  next_key = tonumber(args[1])
end

function request()
  local n = next_key
  next_key = n + 1
  local body = string.format('{"key":"%s","account":%d,"amount":75000}',
    id(BONUS_PAYMENT, n), n % GUESTS)
  return asked("POST", "/movements", body)
end
