-- Sends the lines of a file one after the other: wrk -s post.lua URL -- FILE. Each line is a body.
local requests, at = {}, 0

function init(args)
  wrk.method = "POST"
  -- As an API server does it.
  wrk.headers["Accept"] = "application/json, */*"
  wrk.headers["Accept-Encoding"] = "gzip"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["User-Agent"] = "kube-apiserver-admission"
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, line)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary)
  local failed = summary.errors
  local broken = failed.connect + failed.read + failed.write + failed.timeout
  local form = '{"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d}\n'
  io.write(form:format(summary.requests, summary.duration / 1e6, failed.status, broken))
end
