-- G6 and G7: the same request again and again.

function request()
  return asked("GET", wrk.path)
end
