// Following that only notes who is to be looked at: workers/follow.h. Lines: "expect mj-1 ms=0".
#include "workers/follow.h"

#include "core/config/config.h"
#include "tests/support/fake.h"

void follow_expect(struct follow *follow, const struct account *account, int64_t ms)
{
    (void)follow;
    fake_note("expect %s ms=%lld", account->name, (long long)ms);
}
