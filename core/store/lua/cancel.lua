#!lua flags=allow-oom
-- Cancels tasks: this one script decides between a cancel and another change that comes at the same time.
-- Item: id, owner ("" for any), "1" where the vendor can cancel, watch ms.
-- Answer: {"missing"} | {"ended"} | {"before_submit" | "requested" | "not_supported_may_be_billed"}
--#lib
local answers = {}

for i, item in ipairs(items()) do answers[i] = {cancel(unpack(item))} end
return with_ends(answers)
