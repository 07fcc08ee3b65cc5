// What a task may wait for beside its vendor's work. The words are those of REST
// (`waiting.reason`), and of the record.
#pragma once

// Stored with the task, by whoever made it wait:
#define WAIT_VENDOR_REFUSED "vendor_refused"         // the vendor doesn't take the task now
#define WAIT_VENDOR_UNREACHABLE "vendor_unreachable" // nobody answered at the vendor's address
#define WAIT_BAD_KEY "bad_key"                       // the vendor doesn't take the account's key
#define WAIT_INPUTS "inputs"                   // files behind the request's links can't be had
#define WAIT_STORAGE "storage"                 // our storage doesn't take its files
#define WAIT_LINK "link"                       // the vendor's link doesn't give its files
#define WAIT_BLOCKED_ADDRESS "blocked_address" // we don't go where the vendor's link leads
#define WAIT_ACCOUNT_REMOVED "account_removed" // its account isn't configured any more

// Found out when a client asks, by a look at the accounts that could take the task:
#define WAIT_SLOT "slot"             // all of them are full
#define WAIT_RATE_LIMIT "rate_limit" // requests_per_minute
#define WAIT_COOLING "cooling"       // they failed, and rest for a while
#define WAIT_DISABLED "disabled"     // an operator has switched them off
#define WAIT_NO_WORKER "no_worker"   // no worker is running
