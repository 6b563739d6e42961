-- G5: plan and two captures for each order, from the order that is told as an argument, of those
-- that checkin.lua has given a guest. Three requests are one order; the two captures may be on the
-- way together.

local BONUS_TYPE = "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc"
local DEPOSIT_TYPE = "d645d632-cd95-4d49-9974-06911a9cd314"

function init(args)
  -- wrk looks at one request before it begins, and does not send it.
  next_order, step = tonumber(args[1]) - 1, 2
end

local function capture(n, space, wallet, amount, kind)
  local body = string.format(
    '{"orderId":"%s","walletId":"%s","bindingEpoch":1,"amountMinor":%d,' ..
    '"orderTotalMinor":165000,"paymentTypeId":"%s"}',
    id(ORDER, n), id(wallet, n % GUESTS), amount, kind)
  return asked("PUT", "/pos/v1/payments/" .. id(space, n), body)
end

function request()
  local n, now = next_order, step
  step = (step + 1) % 3
  if now == 0 then
    local body = string.format(
      '{"dueMinor":165000,"input":{"enter":{"walletId":"%s","amountMinor":75000}}}',
      id(BONUS, n % GUESTS))
    return asked("POST", "/pos/v1/orders/" .. id(ORDER, n) .. "/plan", body)
  elseif now == 1 then
    return capture(n, BONUS_PAYMENT, BONUS, 75000, BONUS_TYPE)
  end
  next_order = n + 1
  return capture(n, DEPOSIT_PAYMENT, DEPOSIT, 90000, DEPOSIT_TYPE)
end
