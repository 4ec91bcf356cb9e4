"""What the demo's clients and servers say to each other all the time, and how long they waited.

usage: flow.py serve                         answer datagrams at port 9000 and lines at port 9001
       flow.py datagrams ADDRESS SECONDS     send one each millisecond, and look for the longest silence
       flow.py lines ADDRESS SECONDS         send a line each second over one connection

The clients print a line: what was sent, answered, doubled, the longest silence in milliseconds, and how it ended.
"""

import select
import socket
import sys
import time

DATAGRAMS, LINES = 9000, 9001


def serve():
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("", DATAGRAMS))
    listener = socket.create_server(("", LINES))
    connections = []
    while True:
        ready, _, _ = select.select([datagrams, listener, *connections], [], [])
        for one in ready:
            if one is datagrams:
                data, client = datagrams.recvfrom(2048)
                datagrams.sendto(data, client)
            elif one is listener:
                connections.append(listener.accept()[0])
            else:
                answer(one, connections)


def answer(connection, connections):
    try:
        data = connection.recv(65536)
        if data:
            connection.sendall(data)
            return
    except OSError:
        pass
    connections.remove(connection)
    connection.close()


def send_datagrams(address, seconds):
    flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    flow.connect((address, DATAGRAMS))
    flow.setblocking(False)
    begin = time.monotonic()
    last, silence = None, 0.0
    sent, seen, doubled = 0, set(), 0
    # The last answers get a while to come.
    while time.monotonic() < begin + seconds + 0.3:
        now = time.monotonic()
        if now < begin + seconds and now >= begin + sent * 0.001:
            try:
                flow.send(sent.to_bytes(8, "big"))
            except OSError:
                pass
            sent += 1
        try:
            while True:
                number = int.from_bytes(flow.recv(64), "big")
                doubled += number in seen
                seen.add(number)
                heard = time.monotonic()
                silence = max(silence, heard - last) if last else 0.0
                last = heard
        except OSError:
            pass
        time.sleep(0.0002)
    print(sent, len(seen), doubled, round(silence * 1000), "whole")


def send_lines(address, seconds):
    sent, answered, longest = 0, 0, 0.0
    try:
        with socket.create_connection((address, LINES), timeout=20) as session:
            reader = session.makefile("rb")
            begin = time.monotonic()
            while time.monotonic() < begin + seconds:
                asked = time.monotonic()
                session.sendall(b"line %d\n" % sent)
                sent += 1
                answered += reader.readline() == b"line %d\n" % (sent - 1)
                longest = max(longest, time.monotonic() - asked)
                time.sleep(max(0.0, asked + 1 - time.monotonic()))
        end = "whole"
    except OSError as error:
        end = type(error).__name__
    print(sent, answered, 0, round(longest * 1000), end)


def main():
    what = sys.argv[1:2]
    if what == ["serve"]:
        serve()
    elif what == ["datagrams"]:
        send_datagrams(sys.argv[2], float(sys.argv[3]))
    elif what == ["lines"]:
        send_lines(sys.argv[2], float(sys.argv[3]))
    else:
        sys.exit(__doc__)


main()
