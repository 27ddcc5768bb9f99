"""A TCP proxy before a PostgreSQL server, in threads of this process, that does harm at chosen moments.

It reads the protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html) just so far as to know a
COMMIT that writes when it passes, and the server's answer to it. Connections through it are not encrypted.
"""

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal
from urllib.parse import urlsplit

Moment = Literal["before commit", "after commit"]
"""Before: the server has not heard of it yet. After: it has committed, and the client has not heard of it yet."""

Act = Callable[["Link"], None]
"""What is done at a moment, in the thread that would else pass the message on."""

LARGEST_READ: Final = 65536
ENOUGH_SECONDS: Final = 30
"""Nothing waits here for longer, whatever a test forgets."""


class Messages:
    """Cuts a stream of bytes into messages: (type, body, all of its bytes). A client's first has no type."""

    def __init__(self, *, first_is_bare: bool) -> None:
        self.first_is_bare = first_is_bare
        self.left = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Every message that is whole by now."""
        self.left += data
        while True:
            head = 0 if self.first_is_bare else 1
            if len(self.left) < head + 4:
                return
            size = head + struct.unpack_from(">I", self.left, head)[0]
            if len(self.left) < size:
                return
            whole, self.left = self.left[:size], self.left[size:]
            yield whole[:head], whole[head + 4 :], whole
            self.first_is_bare = False


class Link:
    """One client's connection, and the one to the server in its name."""

    def __init__(self, proxy: "Proxy", client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.texts: dict[bytes, bytes] = {}
        """Prepared statements by name."""
        self.bound: dict[bytes, bytes] = {}
        """The statement of each portal."""
        self.is_writing = False
        self.commits: deque[bool] = deque()
        """Commits that the server has not answered: whether each was one that writes."""
        self.ended = threading.Event()

    def pass_requests(self) -> None:
        """From the client to the server."""
        messages = Messages(first_is_bare=True)
        while data := self.receive(self.client):
            passing = b""
            for kind, body, whole in messages.feed(data):
                if self.take_request(kind, body):
                    self.send(self.server, passing)
                    passing = b""
                    self.proxy.come_to("before commit", self)
                passing += whole
            self.send(self.server, passing)
        self.cut()

    def pass_answers(self) -> None:
        """From the server to the client."""
        messages = Messages(first_is_bare=False)
        while data := self.receive(self.server):
            passing = b""
            for kind, body, whole in messages.feed(data):
                is_answer = kind == b"C" and body in (b"COMMIT\0", b"ROLLBACK\0") and bool(self.commits)
                if is_answer and self.commits.popleft():
                    self.send(self.client, passing)
                    passing = b""
                    self.proxy.come_to("after commit", self)
                passing += whole
            self.send(self.client, passing)
        self.cut()

    def take_request(self, kind: bytes, body: bytes) -> bool:
        """Whether this message commits what was written."""
        text = b""
        if kind == b"Q":
            text = body[:-1]
        elif kind == b"P":
            name, said, _ = body.split(b"\0", 2)
            self.texts[name] = said
        elif kind == b"B":
            portal, name, _ = body.split(b"\0", 2)
            self.bound[portal] = self.texts.get(name, b"")
        elif kind == b"E":
            text = self.bound.get(body.split(b"\0", 1)[0], b"")
        if text.startswith(b"BEGIN"):
            self.is_writing = b"READ ONLY" not in text
        if text == b"COMMIT":
            self.commits.append(self.is_writing)
            return self.is_writing
        return False

    def receive(self, end: socket.socket) -> bytes:
        """What comes next; nothing when that is over."""
        try:
            return end.recv(LARGEST_READ)
        except OSError:
            return b""

    def send(self, end: socket.socket, data: bytes) -> None:
        """Pass on, in pieces as small as the proxy is told, and not while it is stopped."""
        step = self.proxy.largest_piece
        with suppress(OSError):
            for start in range(0, len(data), step):
                self.proxy.flows.wait(ENOUGH_SECONDS)
                if self.ended.is_set():
                    return
                end.sendall(data[start : start + step])

    def cut(self) -> None:
        """Break off both ends at once; what is under way arrives nowhere."""
        self.ended.set()
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def hang(self) -> None:
        """Pass nothing on any more, this message first, and tell neither end; until the link is cut."""
        self.ended.wait(ENOUGH_SECONDS)


class Proxy:
    """See above. `plan` says what is done at the next moments; the other switches hold for everything at once."""

    def __init__(self, target: int) -> None:
        self.target = target
        """The port of the server, on this machine. May change."""
        self.largest_piece = LARGEST_READ
        self.flows = threading.Event()
        """While this is clear, nothing passes, and nobody is told."""
        self.flows.set()
        self.links: list[Link] = []
        self.lock = threading.Lock()
        self.planned: list[tuple[Moment, Act]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.threads: list[threading.Thread] = []
        self.run(self.accept)

    def run(self, work: Callable[[], None]) -> None:
        """In a thread of its own."""
        thread = threading.Thread(target=work, name="proxy", daemon=True)
        self.threads.append(thread)
        thread.start()

    def accept(self) -> None:
        """Take clients until the proxy is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(self, client, server)
            with self.lock:
                self.links.append(link)
            self.run(link.pass_requests)
            self.run(link.pass_answers)

    def plan(self, moment: Moment, act: Act, times: int = 1) -> None:
        """Do this at the next such moments, each once, whoever's commit it is."""
        with self.lock:
            self.planned += [(moment, act)] * times

    def come_to(self, moment: Moment, link: Link) -> None:
        """Do what is planned for it, if anything is."""
        with self.lock:
            place = next((at for at, (planned, _) in enumerate(self.planned) if planned == moment), None)
            act = None if place is None else self.planned.pop(place)[1]
        if act is not None:
            act(link)

    def cut_all(self) -> None:
        """Break off every connection that there is."""
        with self.lock:
            for link in self.links:
                link.cut()

    def lead(self, url: str) -> str:
        """The address of a database by way of this proxy."""
        parts = urlsplit(url)
        who = parts.netloc.rpartition("@")[0]
        return f"{parts.scheme}://{who}@127.0.0.1:{self.port}{parts.path}?sslmode=disable&gssencmode=disable"

    def close(self) -> None:
        """End everything."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.threads[0].join(ENOUGH_SECONDS)  # From now on there are no new links.
        self.flows.set()
        self.cut_all()
        for thread in self.threads:
            thread.join(ENOUGH_SECONDS)
        for link in self.links:
            link.client.close()
            link.server.close()


@contextmanager
def open_proxy(target: int) -> Iterator[Proxy]:
    """A proxy for this block, before the server at that port."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
