//! Values of options for random command lines: usual ones, few enough to meet each other, and those at borders.

type Values = &'static [&'static [u8]];

pub(super) const SERVICES: Values = &[
    b"192.0.2.1:80", b"192.0.2.1:80", b"192.0.2.1:http", b"192.0.2.2:80", b"192.0.2.1:53", b"200.0.2.1:443",
    b"100.0.0.7:5060", b"192.0.2.1:0", b"192.0.2.1", b"[2001:db8::1]:80", b"[2001:db8::1]:80",
    b"[2001:db8::1]:0", b"2001:db8::1", b"[fd00::9]:443",
];

pub(super) const MORE_SERVICES: Values = &[
    b"localhost:http", b"localhost", b"localhost:81", b"192.0.2.1:https", b"192.0.2.1:domain",
    b"192.0.2.1:sip", b"0.0.0.0:80", b"0.0.0.0:0", b"0.0.0.0", b"[::]:0", b"::", b"[::]:80",
    b"255.255.255.255:80", b"224.0.0.1:80", b"127.0.0.1:80", b"10.9.0.1:80", b"[ff02::1]:80", b"[::1]:80",
    b"[::ffff:192.0.2.1]:80", b"::ffff:192.0.2.1", b"[::192.0.2.1]:80", b"[2001:db8:0:1:1:1:1:1]:80",
    b"[2001:DB8::00A]:080", b"192.0.2.1:080", b"192.0.2.1:65535", b"192.0.2.1:+80", b"192.0.2.1: 80",
    b"0300.0.2.1:80", b"0xc0000201:80", b"192.0.513:80", b"3221225985:80", b"1.2.3.4.5:80",
];

pub(super) const SERVERS: Values = &[
    b"10.0.0.1:80", b"10.0.0.1:80", b"10.0.0.1", b"10.0.0.1:8080", b"10.0.0.2", b"10.0.0.2:http",
    b"150.0.0.3:80", b"240.0.0.3:80", b"127.0.0.1:80", b"127.0.0.1", b"10.9.0.1:80", b"10.0.0.4:0",
    b"localhost:http", b"localhost", b"[2001:db8::99]:80", b"[2001:db8::99]:80", b"2001:db8::99",
    b"[2001:db8::98]:8080", b"[fd00::98]:0", b"[::1]:80",
];

pub(super) const ODD_ENDPOINTS: Values = &[
    b"", b":", b":80", b"80", b"1.2.3.4:", b"1.2.3.4:65536", b"1.2.3.4:-1", b"1.2.3.4:0x50", b"1.2.3.4:80x",
    b"1.2.3.4:nosuchservice", b"1.2.3.4: ", b"1.2.3.4 :80", b"1.2.3.4 x:80", b"300.1.1.1:80", b"1.2.3:80",
    b"1..2.3:80", b"1.2.3.4.:80", b"no.such.host.invalid:80", b"no.such.host.invalid", b"[", b"]", b"[]",
    b"[]:80", b"[1.2.3.4]:80", b"[1.2.3.4]", b"[1.2.3.4:99]:80", b"[2001:db8::1]", b"[2001:db8::1]80",
    b"[2001:db8::1]:", b"[2001:db8::1]:x", b"[2001:db8::1]:65536", b"[2001:db8::1]:http",
    b"[2001:db8::1]:80:90", b"[2001:db8::1", b"2001:db8::1]:80", b"2001:db8::1:80", b"[2001:db8::g]:80",
    b"[fe80::1%eth0]:80", b"fe80::1%lo", b"[fe80::1]:80", b"[1:2:3:4:5:6:7::]:80", b"[1:2:3:4:5:6:7:8:9]:80",
    b"[::ffff:1.2.3]:80", b"[::ffff:1.2.3.04]:80", b"1.2.3.4:80:90", b"1:2", b"a:b:c", b"localhost:",
    b"localhost:nosuch", b"localhost:99999", b"LOCALHOST:80", b"localhost.:80", b"1.2.3.4/24:80",
    b"1.2.3.4:80-90", b"1.2.3.4:80,81", b"-t", b"--", b"-", b"\xff\xfe:80", b"1.2.3.4:\xff", b"1.2.3.4:80 ",
    b" 1.2.3.4:80", b"1.2.3.4:8 0", b"4294967295:80", b"4294967296:80", b"0x7f.1:80", b"0X7F000001:80",
    b"0x:80", b"08.1.1.1:80", b"1.2.3.4:00080", b"1.2.3.4:18446744073709551617", b"1.2.3.4:HTTP",
    b"1.2.3.4:www", b"ip6-localhost:80", b"[localhost]:80", b"[localhost:80]:90", b"1.2.3.4:80\n",
    b"12345678901234567890123456789012345678901234567890123456789.x:80", b"*:80", b"any:80",
];

pub(super) const MARKS: Values = &[b"1", b"1", b"2", b"5", b"4294967295", b"2147483648", b"007", b"+1"];

pub(super) const SCHEDULERS: Values = &[
    b"rr", b"wrr", b"lc", b"wlc", b"lblc", b"lblcr", b"dh", b"sh", b"sh", b"sed", b"nq", b"fo", b"ovf",
    b"mh", b"mh", b"twos",
];

pub(super) const ODD_SCHEDULERS: Values = &[
    b"", b"none", b"RR", b"rr ", b" rr", b"wlc1", b"nosuch", b"0", b"abcdefghijklmno", b"abcdefghijklmnop",
    b"wlc\xff", b"r/r", b"../rr", b"rr\n", b"ftp", b"sip", b"-s", b"%s",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

pub(super) const NETMASKS: Values = &[
    b"255.255.255.0", b"255.255.255.255", b"255.255.0.0", b"0.0.0.0", b"255.0.255.0", b"24", b"64", b"128",
    b"1", b"32", b"0xffffff00",
];

pub(super) const ODD_NETMASKS: Values = &[
    b"", b"0", b"129", b"-1", b"64x", b"x", b" 64", b"+64", b"064", b"0x40", b"255.255.255", b"256.0.0.0",
    b"255.255.255.0.0", b"/24", b"localhost", b"4294967295", b"4294967296", b"4294967297", b"-4294967232",
    b"99999999999999999999", b"-99999999999999999999", b"ffff::", b"64.", b"64 ", b"\xc3\xa9",
    b"18446744073709551617",
];

pub(super) const ENGINES: Values = &[
    b"sip", b"sip", b"sip", b"sip", b"", b"SIP", b"sip1", b"nosuch", b"0123456789abcdef",
    b"0123456789abcdefg", b"sip ", b"\xff",
];

pub(super) const FLAGS: Values = &[
    b"flag-1", b"flag-2", b"flag-3", b"flag-1,flag-2,flag-3", b"sh-fallback", b"sh-port",
    b"sh-fallback,sh-port", b"mh-fallback", b"mh-port", b"mh-port,mh-fallback", b"flag-3,flag-3",
];

/// Without `,` alone, which kills ipvsadm.
pub(super) const ODD_FLAGS: Values = &[
    b"", b"flag-0", b"flag-4", b"flag-1,", b",flag-1", b"flag-1,,flag-2", b"flag-1 ,flag-2", b"FLAG-1", b"sh-port,mh-port",
    b"flag-1,nope", b"flag", b"1", b"flag-1;flag-2", b"\xff", b"flag-1,sh-port",
    b"flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-2,flag-3,nope",
    b"flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,flag-1,,nope",
];

pub(super) const INTERFACES: Values = &[
    b"eth0", b"eth0", b"lo", b"nosuch0", b"", b"eth0 ", b"ETH0", b"0123456789abcde", b"0123456789abcdef",
    b"eth0123456789abcdef", b"\xff", b"eth0:1", b"%s",
];

pub(super) const GROUPS: Values = &[
    b"224.0.0.81", b"239.1.2.3", b"224.0.0.0", b"239.255.255.255", b"ff02::81", b"ff05::1:81", b"10.0.0.1",
    b"240.0.0.1", b"fe80::1", b"", b"224", b"224.0.0", b"224.0.0.081", b"0xe0000051", b"localhost",
    b"[ff02::81]", b"ff02::81%eth0", b":", b"ff02::g", b"224.0.0.81 ", b"::ffff:224.0.0.81",
    b"ff0e::224.0.0.1",
];

pub(super) const TUNNELS: Values =
    &[b"ipip", b"gue", b"gre", b"", b"GUE", b"gu", b"vxlan", b"gre ", b"0", b"ipip0"];

pub(super) const STATES: Values = &[
    b"master", b"master", b"master", b"backup", b"backup", b"backup", b"", b"Master", b"mast", b"master ",
    b"both", b"masterbackup", b"-", b"0", b"1",
];

pub(super) const SECONDS: Values = &[
    b"1", b"5", b"60", b"100", b"300", b"360", b"0", b"2678400", b"2678401", b"-1", b"900", b"15", b"0x10",
    b"010",
];

pub(super) const WEIGHTS: Values = &[
    b"0", b"1", b"2", b"100", b"65535", b"65536", b"2147483647", b"2147483648", b"-1", b"007", b"+3", b" 4",
];

pub(super) const THRESHOLDS: Values =
    &[b"0", b"1", b"10", b"100", b"50", b"65535", b"65536", b"2147483647", b"2147483648", b"-1", b"1000000"];

pub(super) const SYNC_IDS: Values = &[b"0", b"1", b"5", b"255", b"256", b"-1", b"77"];

pub(super) const PORTS: Values = &[b"1", b"6080", b"8848", b"65535", b"0", b"65536", b"-1", b"80"];

pub(super) const TTLS: Values = &[b"1", b"5", b"255", b"0", b"256", b"-1"];

pub(super) const MAXLENS: Values =
    &[b"1", b"100", b"1000", b"1400", b"1472", b"1500", b"65507", b"65508", b"0", b"-1"];

pub(super) const NUMBERS: Values = &[
    b"0", b"1", b"-1", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967295",
    b"4294967296", b"4294967297", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808",
    b"18446744073709551615", b"18446744073709551616", b"99999999999999999999", b"-99999999999999999999",
    b"0x10", b"0X10", b"010", b"08", b"+5", b"++5", b"+-5", b"- 5", b" 5", b"\t5", b"\n5", b"\x0b5", b"5 ",
    b"5x", b"x5", b"", b" ", b"1e3", b"1.5", b"1,5", b"\xd9\xa3", b"\xff", b"5\n", b"five", b"0b1", b"0o7",
    b"00000000000000000000007", b"-0", b"+0", b"+", b"-", b"2678400", b"2678401",
];

/// Words that belong nowhere.
pub(super) const JUNK: Values = &[
    b"", b" ", b"-", b"--", b"---", b"foo", b"-q", b"-X", b"-?", b"-1", b"--foo", b"--foo=bar", b"--=", b"--=x", b"-=",
    b"-n=", b"-n=1", b"--numeric=", b"--numeric=1", b"--num", b"--lis", b"--add", b"--stat", b"--sched=rr", b"--tcp=1.2.3.4:80",
    b"-sort", b"-stats", b"--LIST", b"-Lnn", b"-Ln-", b"-L-n", b"\xff\xfe", b"--\xff", b"-\xc3\xa9", b"caf\xc3\xa9", b"%n%s%d",
    b"$HOME", b"*", b"#", b"ipvsadm", b"--help", b"-h", b"--version", b"-v", b"-V", b"--usage", b"-hv",
    b"--ipv6", b"-6", b"-I", b"-I5", b"--syncid", b"--sort=x", b"--json", b"--watch", b"--atomic", b"--keep-going", b"--only",
    b"apply", b"diff", b"drain", b"top", b"completions", b"--dry-run", b"-M", b"-p", b"-p=", b"-p0", b"-p-1", b"--persistent=",
    b"--persistent", b"-s", b"-srr", b"-s=rr", b"-s=", b"-w", b"-w=", b"--weight", b"--weight=", b"-b", b"-t", b"-t=", b"-f=1", b"-f1",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Lines of a batch that are no command lines.
pub(super) const BAD_LINES: Values = &[
    b"foo\n", b"-q\n", b"ipvsadm\n", b"ipvsadm ipvsadm\n", b"-R\n", b"-L -q\n",
    b"-A -t 192.0.2.1:80 # comment\n", b"-A -t \"192.0.2.1:80\"\n", b"-A -t '192.0.2.1:80'\n",
    b"-A -t 192.0.2.1:80 -q\n", b"\\\n", b"-A \\\n-t 192.0.2.1:80\n", b"-C\n", b"-Ln\n", b"-Sn\n",
    b"--version\n", b"-L -t 9.9.9.9:9\n", b"-A\n", b"#-A -t 192.0.2.1:80\n", b" # x\n", b"\r\n",
    b"-A -t 192.0.2.1:80\r\n", b"-A -t 192.0.2.1:80 -s rr\0x\n", b"\xff\n", b"-A\x0b-t\x0c192.0.2.1:80\n",
    b"--\n", b"-\n", b"ipvsadm -A -t 192.0.2.9:80 ipvsadm -s rr\n", b"sudo ipvsadm -A -t 192.0.2.9:80\n",
    b"/sbin/ipvsadm -A -t 192.0.2.9:80\n",
];

/// What `vipd ipvs` takes and ipvsadm does not: words of [`JUNK`] that are none as a subcommand.
pub(super) const OF_VIPD: Values = &[
    b"--json", b"--watch", b"--atomic", b"--keep-going", b"--only", b"--dry-run", b"apply", b"diff", b"drain", b"top",
    b"completions", b"help",
];
