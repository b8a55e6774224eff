# SPDX-License-Identifier: GPL-2.0
"""What a kernel with the module says, in bytes: netlink messages for fake_kernel.c."""
import pathlib
import re
import shutil
import socket
import struct

TOP = pathlib.Path(__file__).resolve().parents[2]
CHECK = TOP / "tests/cli/check"
FAMILY = 28
CTRL = 16
NFTABLES = 10 << 8
SEQ = 0xffffffff        # fake_kernel.c puts the request's there
MULTI, DUMP_INTR, CAPPED, ACK_TLVS = 2, 0x10, 0x100, 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
NESTED = 0x8000


def constants():
    """The numbers of the header, by name; the parser has them from the compiler."""
    numbers = {}
    text = (TOP / "src/uapi/linux/nft_offload.h").read_text()
    for body in re.findall(r"^enum[^{;]*\{(.*?)^\};", text, re.M | re.S):
        at = 0
        for name, value in re.findall(r"^\t(\w+)(?: = (\d+))?,$", body, re.M):
            at = int(value) if value else at
            numbers[name] = at
            at += 1
    return numbers


C = constants()


def attr(kind, payload):
    data = struct.pack("=HH", 4 + len(payload), kind) + payload
    return data + bytes(-len(data) % 4)


def u32(name, number):
    return attr(C[name], struct.pack("=I", number))


def u64(name, number):
    return attr(C[name], struct.pack("=Q", number))


def be16(name, number):
    return attr(C[name], struct.pack(">H", number))


def string(name, text):
    data = text if isinstance(text, bytes) else text.encode()
    return attr(C[name], data + b"\0")


def nest(name, *inner):
    return attr(C[name] | NESTED, b"".join(inner))


def address(name, text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return attr(C[name], socket.inet_pton(family, text))


def message(payload, kind=FAMILY, flags=MULTI, seq=SEQ):
    data = struct.pack("=IHHII", 16 + len(payload), kind, flags, seq, 0) + payload
    return data + bytes(-len(data) % 4)


def genl(command, *attrs, **kwargs):
    return message(struct.pack("=BBH", command, 1, 0) + b"".join(attrs), **kwargs)


def done(err=0, text=None, flags=MULTI):
    payload = struct.pack("=i", -err)
    if text is not None:
        payload += attr(1, text.encode() + b"\0")
        flags |= ACK_TLVS
    return message(payload, kind=NLMSG_DONE, flags=flags)


def ack(err=0, text=None, capped=True):
    """The answer that ends a request; behind it stands the request, if that is not capped."""
    behind = b"" if capped else b"\x02" * 20
    payload = struct.pack("=iIHHII", -err, 16 + len(behind), 0, 0, 0, 0) + behind
    flags = CAPPED if capped else 0
    if text is not None:
        payload += attr(1, text.encode() + b"\0")
        flags |= ACK_TLVS
    return message(payload, kind=NLMSG_ERROR, flags=flags)


class Kernel:
    """A directory of answers."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()

    def answer(self, command, *datagrams, kind=FAMILY):
        """Each datagram is bytes, an errno, or a pair of bytes and how often they come."""
        data = b""
        for datagram in datagrams:
            if isinstance(datagram, int):
                data += struct.pack("=II", 0x80000000 | datagram, 1)
                continue
            body, repeat = datagram if isinstance(datagram, tuple) else (datagram, 1)
            data += struct.pack("=II", len(body), repeat) + body
        (self.path / f"{kind}-{command}").write_bytes(data)
        return self

    def ruleset(self, name):
        """One of those that are kept as nft-offload check reads them."""
        shutil.copy(CHECK / f"{name}.checked", self.path / "checked")
        return self

    def requests(self):
        """What was asked: type, flags, command and the rest of each."""
        data = (self.path / "requests").read_bytes()
        found = []
        while data:
            size, = struct.unpack_from("=I", data)
            _, kind, flags, _, _, command = struct.unpack_from("=IHHIIB", data, 4)
            found.append((kind, flags, command, data[24:4 + size]))
            data = data[4 + size:]
        return found


def attributes(data):
    """As pairs, in their order."""
    found = []
    while data:
        size, kind = struct.unpack_from("=HH", data)
        found.append((kind & ~NESTED, data[4:size]))
        data = data[size + 3 & ~3:]
    return found


def family_message(command=1, name="nft_offload", seq=SEQ):
    return genl(command, attr(1, struct.pack("=H", FAMILY)), attr(2, name.encode() + b"\0"),
                kind=CTRL, flags=0, seq=seq)


def counts(name, **numbers):
    return nest(name, *(u32(f"NFTO_A_COUNTS_{state.upper()}", number)
                        for state, number in numbers.items()))


def policy(driver="", ttl=0, tcp=0, offload=0):
    return nest("NFTO_A_POLICY", string("NFTO_A_POLICY_DRIVER", driver),
                u32("NFTO_A_POLICY_TTL", ttl), u32("NFTO_A_POLICY_TCP", tcp),
                u32("NFTO_A_POLICY_OFFLOAD", offload))


def device(*attrs, index=2, name="eth0", backend=2):
    return genl(C["NFTO_CMD_DEVICE_GET"], u32("NFTO_A_IFINDEX", index),
                string("NFTO_A_IFNAME", name), u32("NFTO_A_BACKEND", backend), *attrs)


BRIDGED = device(
    string("NFTO_A_DEVICE_DRIVER", "mlx5_core"), string("NFTO_A_DRIVER", "mlx5"),
    policy(ttl=2), attr(C["NFTO_A_ASIC"], b"\x00\xa1\xff"),
    string("NFTO_A_HAZARD", "ttl-untouched"), string("NFTO_A_HAZARD", "ip-options"),
    counts("NFTO_A_FLOWS", queued=0, hardware=7, refused=2, failed=1, removing=0),
    nest("NFTO_A_STATISTICS", u32("NFTO_A_STATISTICS_ENTRIES", 7),
         u64("NFTO_A_STATISTICS_ADDED", 20), u64("NFTO_A_STATISTICS_DELETED", 13),
         u64("NFTO_A_STATISTICS_FAILED", 1)))
SOFTWARE = device(
    string("NFTO_A_REASON", "no-tc"), string("NFTO_A_REASON_TEXT", "its driver has no TC offload"),
    string("NFTO_A_DEVICE_DRIVER", "e1000"), policy(), index=3, name='eth"1\\', backend=1)
NOBODY = device(policy(), index=4, name="idle0", backend=0)
FUTURE = device(policy(ttl=9), attr(999, b"what is this"), index=5, name="new0", backend=17)


def flowtable(name="f", table="filter", family=1, *more):
    member = "NFTO_A_FLOWTABLE_DEVICE"
    return genl(C["NFTO_CMD_FLOWTABLE_GET"], nest(
        "NFTO_A_FLOWTABLE", u32("NFTO_A_FLOWTABLE_FAMILY", family),
        string("NFTO_A_FLOWTABLE_TABLE", table), string("NFTO_A_FLOWTABLE_NAME", name),
        u64("NFTO_A_FLOWTABLE_HANDLE", 12),
        nest(member, u32(f"{member}_IFINDEX", 2), string(f"{member}_IFNAME", "eth0"),
             u32(f"{member}_BACKEND", 2)),
        nest(member, u32(f"{member}_IFINDEX", 3), string(f"{member}_IFNAME", 'eth"1\\'),
             u32(f"{member}_BACKEND", 1), string(f"{member}_REASON", "no-tc"),
             string(f"{member}_REASON_TEXT", "its driver has no TC offload")),
        counts("NFTO_A_FLOWTABLE_FLOWS", queued=0, hardware=7, refused=2, failed=1, removing=0),
        attr(C["NFTO_A_FLOWTABLE_COUNTER"], b""), *more))


def ruleset_flowtable(name="f", table="filter", family=1, flags=1, devices=("lo",)):
    """As nf_tables tells of it. Of the devices there is but lo."""
    body = struct.pack(">BBH", family, 0, 1)
    body += attr(1, table.encode() + b"\0") + attr(2, name.encode() + b"\0")
    names = b"".join(attr(1, name.encode() + b"\0") for name in devices)
    body += attr(NESTED | 3, attr(1, struct.pack(">I", 0)) + attr(2, struct.pack(">I", 0))
                 + (attr(NESTED | 3, names) if devices else b""))
    if flags is not None:
        body += attr(7, struct.pack(">I", flags))
    return message(body, kind=NFTABLES | 22)


def qdisc(index, kind, parent=0xffffffff):
    """As rtnetlink tells of it; at the root, if no other parent is given."""
    return message(struct.pack("=BBHiIII", 0, 0, 0, index, 1 << 16, parent, 0)
                   + attr(1, kind.encode() + b"\0"), kind=36)


def flow_attrs(number=1, state=1, *more, source="10.0.0.2", destination="10.1.0.2", protocol=6,
               ports=(40000, 443), direction=0, packets=100, size=123456, age=61000):
    return nest(
        "NFTO_A_FLOW", u64("NFTO_A_FLOW_ID", number), u32("NFTO_A_FLOW_DIRECTION", direction),
        u32("NFTO_A_FLOW_STATE", state), u32("NFTO_A_FLOW_PROTOCOL", protocol),
        address("NFTO_A_FLOW_SOURCE", source), address("NFTO_A_FLOW_DESTINATION", destination),
        be16("NFTO_A_FLOW_SOURCE_PORT", ports[0]), be16("NFTO_A_FLOW_DESTINATION_PORT", ports[1]),
        u32("NFTO_A_FLOW_INGRESS", 2), string("NFTO_A_FLOW_INGRESS_NAME", "eth0"),
        u32("NFTO_A_FLOW_EGRESS", 3), string("NFTO_A_FLOW_EGRESS_NAME", "eth1"),
        u64("NFTO_A_FLOW_PACKETS", packets), u64("NFTO_A_FLOW_BYTES", size),
        u64("NFTO_A_FLOW_AGE", age), string("NFTO_A_FLOW_TABLE", "filter"),
        string("NFTO_A_FLOW_FLOWTABLE", "f"), *more)


def flow(*args, flags=MULTI, **kwargs):
    return genl(C["NFTO_CMD_FLOW_GET"], flow_attrs(*args, **kwargs), flags=flags)


NAT = flow(
    2, 1, address("NFTO_A_FLOW_NEW_SOURCE", "192.0.2.1"), be16("NFTO_A_FLOW_NEW_SOURCE_PORT", 1024),
    u32("NFTO_A_FLOW_TAG", 0x88a80064), u32("NFTO_A_FLOW_TAG", 0x8100000a),
    u64("NFTO_A_FLOW_SOFTWARE_PACKETS", 3), u64("NFTO_A_FLOW_SOFTWARE_BYTES", 180),
    packets=9, size=900, age=4200)
FAILED = flow(
    3, 3, string("NFTO_A_FLOW_REASON", "unsupported"),
    string("NFTO_A_FLOW_REASON_TEXT", "the driver does not support the rule"),
    u32("NFTO_A_FLOW_ERRNO", 95), string("NFTO_A_FLOW_DRIVER_TEXT", "no \x1b[31mroom"),
    address("NFTO_A_FLOW_NEW_DESTINATION", "2001:db8:2::9"),
    be16("NFTO_A_FLOW_NEW_DESTINATION_PORT", 8443), u64("NFTO_A_FLOW_RETRY", 1500),
    u32("NFTO_A_FLOW_NEW_TAG", 0x8100000a),
    source="2001:db8::2", destination="2001:db8:1::2", protocol=17, direction=1, packets=0, size=0,
    age=90061000)
REFUSED = flow(4, 2, string("NFTO_A_FLOW_REASON", "ttl"), source="9.0.0.1", packets=0, size=0,
               age=3700000)
UNKNOWN = flow(5, 77, protocol=200, packets=1, size=1, age=0)


def event(kind, *attrs, time=1700000000123456789):
    return genl(C["NFTO_CMD_EVENT_NTF"], u32("NFTO_A_EVENT", kind), u64("NFTO_A_TIME", time),
                *attrs, flags=0, seq=0)


def reason(word, text, count):
    return genl(C["NFTO_CMD_REASON_GET"], string("NFTO_A_REASON", word),
                string("NFTO_A_REASON_TEXT", text), u32("NFTO_A_COUNT", count))


def trial(name, *attrs, known=True, taken=False):
    flags = [attr(C[f"NFTO_A_TRIAL_{word}"], b"")
             for word, given in (("KNOWN", known), ("TAKEN", taken)) if given]
    return nest("NFTO_A_TRIAL", string("NFTO_A_TRIAL_NAME", name), *flags, *attrs)


def probe(*attrs):
    return genl(C["NFTO_CMD_DEVICE_PROBE"], u32("NFTO_A_IFINDEX", 1), string("NFTO_A_IFNAME", "lo"),
                string("NFTO_A_DRIVER", "mlx5"), u32("NFTO_A_EGRESS", 3),
                string("NFTO_A_EGRESS_NAME", "eth1"), *attrs, flags=0)


TAKEN = trial("ipv4-tcp", string("NFTO_A_TRIAL_HAZARD", "ip-options"),
              string("NFTO_A_TRIAL_HAZARD", "ttl-untouched"), taken=True)
NOT_KNOWN = trial("pppoe", string("NFTO_A_TRIAL_REASON", "pppoe"),
                  string("NFTO_A_TRIAL_REASON_TEXT", "the driver cannot add it"), known=False)
NOT_TAKEN = trial("vlan-pop", string("NFTO_A_TRIAL_REASON", "unsupported"),
                  string("NFTO_A_TRIAL_REASON_TEXT", "the driver does not support it"),
                  u32("NFTO_A_TRIAL_ERRNO", 95), string("NFTO_A_TRIAL_DRIVER_TEXT", "no\x1btags"))


def fill(rules, left=0, *attrs):
    return nest("NFTO_A_FILL", u32("NFTO_A_FILL_RULES", rules), u32("NFTO_A_FILL_LEFT", left),
                *attrs)


FULL = (string("NFTO_A_FILL_REASON", "table-full"),
        string("NFTO_A_FILL_REASON_TEXT", "the hardware table is full"),
        u32("NFTO_A_FILL_ERRNO", 28), string("NFTO_A_FILL_DRIVER_TEXT", "no room"))
VERSION = genl(C["NFTO_CMD_VERSION_GET"], string("NFTO_A_VERSION", "0.1.0"),
               string("NFTO_A_SHIMS", "none"), attr(C["NFTO_A_IN_FORCE"], b""), flags=0)


def silent(version):
    """That of a module that does not say that it is in force."""
    return genl(C["NFTO_CMD_VERSION_GET"], string("NFTO_A_VERSION", version),
                string("NFTO_A_SHIMS", "none"), flags=0)


def loaded(path):
    """A kernel with the module, two devices that offload and one that does not, and flows."""
    kernel = Kernel(path)
    kernel.answer(3, family_message(), ack(), kind=CTRL)
    kernel.answer(C["NFTO_CMD_VERSION_GET"], VERSION, ack())
    kernel.answer(C["NFTO_CMD_DEVICE_GET"], BRIDGED + SOFTWARE, NOBODY + FUTURE, done())
    kernel.answer(C["NFTO_CMD_FLOWTABLE_GET"], flowtable(), done())
    kernel.answer(C["NFTO_CMD_FLOW_GET"], flow() + NAT, FAILED + REFUSED + UNKNOWN, done())
    kernel.answer(C["NFTO_CMD_REASON_GET"], reason("ttl", "the driver cannot", 1) +
                  reason("nat", "no translation", 0) + reason("unsupported", "the rule", 4), done())
    kernel.answer(C["NFTO_CMD_DEVICE_PROBE"], probe(TAKEN, NOT_KNOWN), ack())
    kernel.answer(C["NFTO_CMD_FLOW_FLUSH"],
                  genl(C["NFTO_CMD_FLOW_FLUSH"], u32("NFTO_A_COUNT", 12), flags=0), ack())
    kernel.answer(0, qdisc(2, "htb") + qdisc(2, "cake", 1), qdisc(3, "tbf") + qdisc(4, "htb"),
                  qdisc(5, "fq_codel"), done(), kind=38)
    # what a request to nf_tables has where others have a command is its family: any
    kernel.answer(0, ruleset_flowtable() + ruleset_flowtable("old", devices=("none0", "lo")) +
                  ruleset_flowtable("later", devices=("none0",)) +
                  ruleset_flowtable("empty", devices=()) +
                  ruleset_flowtable("soft", flags=0) + ruleset_flowtable("none", flags=None) +
                  ruleset_flowtable(family=2), done(), kind=NFTABLES | 23)
    return kernel.ruleset("devices-clean")
