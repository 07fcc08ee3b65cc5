-- wrk: a hundred submits of about 1 KB each in one request
local job = '{"prompt":"' .. string.rep("lorem ipsum ", 72) .. '","state":"order-4711","botType":"MID_JOURNEY"}'
local form = os.getenv("BENCH_FORM") or '{"path":"/mj/submit/imagine","body":%s}'
local jobs = {}
for i = 1, 100 do
  jobs[i] = string.format(form, job)
end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-dev"
wrk.body = '{"requests":[' .. table.concat(jobs, ",") .. "]}"
