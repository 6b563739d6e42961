-- G8: a check-in for each request, from the order that is told as an argument.

function init(args)
  -- wrk looks at one request before it begins, and does not send it.
  next_order = tonumber(args[1]) - 1
end

function request()
  local n = next_order
  next_order = n + 1
  local card = 3000000000 + n % GUESTS
  local body = string.format('{"Value":"%d","WaiterPin":"12345"}', card)
  return asked("POST", "/orders/" .. id(ORDER, n) .. "/checkin", body)
end
