import sys
from fluent import sender

logger = sender.FluentSender("app", host="127.0.0.1", port=int(sys.argv[1]), nanosecond_precision=True)
for n in range(100):
    assert logger.emit("orders", {"message": "привет %d" % n, "n": n}), logger.last_error
logger.close()
