-- wrk: a submit of about 1 KB
local hook = os.getenv("BENCH_HOOK") or ""
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-dev"
wrk.body = '{"prompt":"' .. (os.getenv("BENCH_WORDS") or "") .. string.rep("lorem ipsum ", 72) ..
  '","state":"order-4711","botType":"MID_JOURNEY"' ..
  (hook == "" and "" or ',"notifyHook":"' .. hook .. '"') .. "}"
