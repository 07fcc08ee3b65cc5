// What a task may wait for beside its vendor's work. The words are those of REST
// (`waiting.reason`), and of the record.
#pragma once

// Stored with the task, by who made it wait:
#define WAIT_VENDOR_REFUSED "vendor_refused"         // the vendor doesn't take it now
#define WAIT_VENDOR_UNREACHABLE "vendor_unreachable" // nobody was there
#define WAIT_BAD_KEY "bad_key"                       // the vendor doesn't take the account's key
#define WAIT_INPUTS "inputs"                         // what links of the request lead to
#define WAIT_STORAGE "storage"                       // the storage doesn't take its files
#define WAIT_LINK "link"                             // the vendor's link doesn't give them
#define WAIT_BLOCKED_ADDRESS "blocked_address"       // where the link leads we don't go
#define WAIT_ACCOUNT_REMOVED "account_removed"       // its account isn't configured

// Seen when it is asked for, from the accounts that could take it:
#define WAIT_SLOT "slot"             // all are full
#define WAIT_RATE_LIMIT "rate_limit" // requests_per_minute
#define WAIT_COOLING "cooling"       // they failed, and rest
#define WAIT_DISABLED "disabled"     // an operator switched them off
#define WAIT_NO_WORKER "no_worker"   // nobody works
