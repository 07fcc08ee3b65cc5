"""What end-to-end tests stand on: Spool, the vendor simulator, webhook receivers, a Redis.

Everything runs on free ports of the loopback and in temporary folders, is ended by its pid, and is
gone when the test is, however that went.
"""
from harness.process import Child, LOG_TAIL_BYTES, ROOT, SANITIZER, binary, close_all, end, fail_fsync, last_words, preload, running, set_clock, sim_binary, spool_binary, stall_loop  # noqa: F401
from harness.common import PNG, TERMINAL, bearer, download, eventually, exchange, form, free_port, freeze, is_alive, merged, task_in, websocket_headers, words_seen  # noqa: F401
from harness.nginx import Front, Nginx  # noqa: F401
from harness.redis import Clock, Redis, Wire, as_stored, redis_cli, script_text  # noqa: F401
from harness.receivers import DeadReceiver, Hook, Receiver, check_signature  # noqa: F401
from harness.vendors import Asked, Between, CUT, Sim, Vendor  # noqa: F401
from harness.accounts import account  # noqa: F401
from harness.spool import Spool  # noqa: F401
from harness.cases import Family, Result, check_artifacts, main  # noqa: F401
