-- Sends the bodies of a file in turn, checks every answer and prints the figures as one line of JSON.
-- A line that begins with a slash is a GET: the path, a tab, and the ETag of the answer held, if any is.
-- Arguments: the file, and a text that makes this run's serial numbers differ from other runs'.

local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(args)
    bodies, place, serial, bad, first_bad, run = {}, 0, 0, 0, "", args[2]
    known = {}
    wrk.headers["Content-Type"] = "application/json"
    for line in io.lines(args[1]) do
        local path, etag = line:match("^(/[^\t]*)\t(.*)$")
        if path then
            is_held = etag ~= ""
            local headers = is_held and { ["If-None-Match"] = etag } or {}
            table.insert(bodies, { ready = wrk.format("GET", path, headers) })
        else
            local is_fixed = not line:find("@SERIAL@", 1, true)
            table.insert(bodies, { text = line, ready = is_fixed and wrk.format("POST", nil, nil, line) })
        end
    end
end

function request()
    place = place % #bodies + 1
    local body = bodies[place]
    if body.ready then return body.ready end
    serial = serial + 1
    return wrk.format("POST", nil, nil, (body.text:gsub("@SERIAL@", run .. "-" .. serial)))
end

-- An answer is right when it holds data and no errors, but for the empty list of a mutation's payload.
local function is_right(status, body)
    if is_held then return status == 304 end
    if status ~= 200 or not body:find('^{%s*"data"%s*:%s*{') then return false end
    local from = body:find('"errors"', 1, true)
    while from do
        if not body:find('^"errors"%s*:%s*%[%s*%]', from) then return false end
        from = body:find('"errors"', from + 1, true)
    end
    return true
end

function response(status, _, body)
    if body == known then return end
    if is_right(status, body) then
        known = body
    else
        bad = bad + 1
        if first_bad == "" then first_bad = status .. " " .. body:sub(1, 300) end
    end
end

function done(summary, latency)
    local wrong, example = 0, ""
    for _, thread in ipairs(threads) do
        wrong = wrong + thread:get("bad")
        example = thread:get("first_bad")
    end
    local lost = summary.errors
    local figures = '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "bad": %d, "lost": %d,'
    io.write("\n", figures:format(
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
        latency:percentile(99) / 1e3, wrong, lost.connect + lost.read + lost.write + lost.timeout
    ))
    io.write(' "example": "', (example:gsub('[%c"\\]', " ")), '"}\n')
end
