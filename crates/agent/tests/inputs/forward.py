# Shared key, acknowledgements and compression, which no library of Python's speaks.
import gzip, hashlib, socket, ssl, sys
import msgpack

key = sys.argv[2].encode()
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.settimeout(20)
if len(sys.argv) > 3:
    s = ssl.create_default_context(cafile=sys.argv[3]).wrap_socket(s, server_hostname="127.0.0.1")
unpacker = msgpack.Unpacker(raw=True)

def answer():
    while True:
        for message in unpacker:
            return message
        data = s.recv(4096)
        if not data:
            raise EOFError
        unpacker.feed(data)

helo = answer()
assert helo[0] == b"HELO", helo
nonce, salt, name = helo[1][b"nonce"], b"0123456789abcdef", b"client"
digest = hashlib.sha512(salt + name + nonce + key).hexdigest()
s.sendall(msgpack.packb(["PING", name.decode(), salt, digest, "", ""]))
pong = answer()
assert pong[0] == b"PONG" and len(pong) == 5, pong
if not pong[1]:
    print("refused", pong[2].decode())
    sys.exit()
assert pong[4].decode() == hashlib.sha512(salt + pong[3] + nonce + key).hexdigest()

time = msgpack.ExtType(0, (1767312000).to_bytes(4, "big") + (5).to_bytes(4, "big"))
def entry(text, metadata):
    return msgpack.packb([[time, {}] if metadata else time, {"log": text}])
s.sendall(msgpack.packb(["app", entry("packed 1", False) + entry("packed 2", True), {"chunk": "packed", "size": 2}]))
names = [answer()[b"ack"].decode()]
body = gzip.compress(entry("gzip 1", True))
message = msgpack.packb(["app", body, {"chunk": "gzip", "compressed": "gzip"}])
s.sendall(message[:10])
s.sendall(message[10:])
names.append(answer()[b"ack"].decode())
print("acknowledged", *names)
