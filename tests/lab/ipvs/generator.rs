//! Random command lines for ipvsadm, valid and invalid, from a seed.
//!
//! Most are meant well: a command with options that go with it and values that hit what earlier ones made. Then some
//! are spoilt: words dropped, doubled, swapped, values replaced by ones at or beyond a border.

use super::options::{
    COMMANDS, FORWARDS, IPV6, MARK, NUMERIC, OF_DAEMONS, OF_LISTS, OF_SERVERS, OF_SERVICES, OF_TUNNELS, SCTP,
    SERVER, Spelling, TCP, UDP, Value, command, plain, with,
};
use super::values;
use std::collections::VecDeque;

/// A program of ipvsadm's package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Ipvsadm,
    Save,
    Restore,
}

impl Program {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ipvsadm => "ipvsadm",
            Self::Save => "ipvsadm-save",
            Self::Restore => "ipvsadm-restore",
        }
    }
}

/// One run of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) program: Program,
    pub(super) words: Vec<Vec<u8>>,
    pub(super) input: Vec<u8>,
    /// Whether vipd runs as `vipd ipvs`, not as a program called ipvsadm.
    pub(super) subcommand: bool,
    /// Whether `POSIXLY_CORRECT` is set, which ends the options at the first other word.
    pub(super) posix: bool,
    /// Whether the locale is one of UTF-8.
    pub(super) utf8: bool,
}

impl Line {
    /// Does it only list? The first option is the command.
    pub(super) fn lists(&self) -> bool {
        match self.program {
            Program::Save => true,
            Program::Restore => false,
            Program::Ipvsadm => self.words.first().is_none_or(|word| {
                [&b"-L"[..], b"-l", b"-S"].iter().any(|short| word.starts_with(short))
                    || [&b"--list"[..], b"--save", b"--help", b"--version", b"-h", b"-v"].contains(&&word[..])
            }),
        }
    }

    /// How many command lines it is made of.
    pub(super) fn commands(&self) -> usize {
        self.input.split(|&b| b == b'\n').filter(|line| !line.is_empty()).count().max(1)
    }
}

/// SplitMix64: the same numbers from the same seed, everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// In so many of a hundred cases.
    pub(super) fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }

    pub(super) fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for n in (1..list.len()).rev() {
            list.swap(n, self.below(n + 1));
        }
    }
}

/// What gives out command lines.
pub(super) struct Generator {
    random: Random,
}

impl Generator {
    pub(super) const fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }

    /// The next run of a program.
    pub(super) fn line(&mut self) -> Line {
        let (subcommand, posix) = (self.random.percent(20), self.random.percent(2));
        let utf8 = self.random.percent(50);
        let line =
            |program, words: Vec<Vec<u8>>, input| Line { program, words, input, subcommand, posix, utf8 };
        let mut line = match self.random.below(100) {
            0..4 => {
                let input = self.batch();
                let mut words = vec![self.random.of(&[&b"-R"[..], b"--restore"]).to_vec()];
                if self.random.percent(5) {
                    words.push(
                        self.random
                            .of(&[&b"-n"[..], b"x", b"-t", b"-R", b"--", b"", b"--atomic", b"--keep-going"])
                            .to_vec(),
                    );
                }
                line(Program::Ipvsadm, words, input)
            }
            4 => {
                let mut input = self.batch();
                if self.random.percent(5) {
                    // What the script's echo takes for its own.
                    input = self.random.of(&[&b"-E"[..], b"-e\n", b"# x\n-n\n\n", b"-nE"]).to_vec();
                }
                line(Program::Restore, Vec::new(), input)
            }
            5 => {
                let words = ["", "-n", "-x", "x", "-n -n", "x -n", "-h", "--", "-", "-n x"];
                let words = self.random.of(&words).split_whitespace().map(|w| w.as_bytes().to_vec());
                line(Program::Save, words.collect(), Vec::new())
            }
            _ => line(Program::Ipvsadm, self.words(), Vec::new()),
        };
        // What goes beyond ipvsadm has words of its own.
        let of_vipd = |word: &Vec<u8>| values::OF_VIPD.iter().any(|known| word.starts_with(known));
        line.subcommand &= !line.words.iter().any(of_vipd);
        line
    }

    /// Lines as `-R` reads them.
    fn batch(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..=self.random.below(9) {
            match self.random.below(40) {
                0 => text.extend_from_slice(b"\n"),
                1 => text.extend_from_slice(b" \t \r\n"),
                2 => text.extend_from_slice(b"# comment\n"),
                3 => text.extend_from_slice(self.random.of(values::BAD_LINES)),
                4 if self.random.percent(20) => {
                    // About as long as a word may be, and longer.
                    text.extend_from_slice(self.random.of(&[
                        &b"-A -t 192.0.2.1:80 -s "[..],
                        b"-A -t 192.0.2.1:80 -s",
                        b"--start-daemon master --mcast-interface=",
                        b"-A -b ",
                    ]));
                    text.resize(text.len() + 4060 + self.random.below(40), b'x');
                    text.push(b'\n');
                }
                _ => {
                    let words = self.words();
                    if self.random.percent(10) {
                        text.extend_from_slice(b"ipvsadm ");
                    }
                    if self.random.percent(5) {
                        text.extend_from_slice(self.random.of(&[&b" "[..], b"\t", b"  ", b"\r"]));
                    }
                    let blank: &[u8] = if self.random.percent(10) { b" \t " } else { b" " };
                    text.extend_from_slice(&words.join(blank));
                    text.extend_from_slice(self.random.of(&[
                        &b"\n"[..],
                        b"\n",
                        b"\n",
                        b"\n",
                        b"\n",
                        b" \n",
                        b"\r\n",
                        b"  \n",
                        b"\t\n",
                        b"\n\n",
                    ]));
                }
            }
        }
        if self.random.percent(25) {
            // The end of the text within a line.
            while text.last().is_some_and(u8::is_ascii_whitespace) {
                text.pop();
            }
            text.extend_from_slice(self.random.of(&[&b""[..], b"", b" ", b"  ", b"\t ", b"\r", b" #"]));
        }
        text
    }

    /// The words of a command line.
    pub(super) fn words(&mut self) -> Vec<Vec<u8>> {
        let mut words = match self.random.below(100) {
            0 => Vec::new(),
            1 => vec![self.random.of(values::JUNK).to_vec()],
            _ => self.sensible(),
        };
        if self.random.percent(22) {
            for _ in 0..=self.random.below(2) {
                self.spoil(&mut words);
            }
        }
        words
    }

    fn sensible(&mut self) -> Vec<Vec<u8>> {
        let (name, options) = match self.random.below(100) {
            0..22 => ("add-service", self.service_options()),
            22..32 => ("edit-service", self.service_options()),
            32..37 => ("delete-service", self.service()),
            37..58 => ("add-server", self.server_options()),
            58..66 => ("edit-server", self.server_options()),
            66..71 => {
                let mut options = self.service();
                options.extend(self.written(&SERVER));
                ("delete-server", options)
            }
            71..88 => ("list", self.list_options()),
            88..90 => ("zero", if self.random.percent(60) { self.service() } else { VecDeque::new() }),
            90 => {
                let numeric = self.random.percent(80);
                ("save", if numeric { self.written(&NUMERIC).into() } else { VecDeque::new() })
            }
            91..94 => {
                let values = (0..3).map(|_| self.random.of(values::SECONDS).to_vec()).collect();
                ("set", values)
            }
            94..97 => ("start-daemon", self.some_of(&OF_DAEMONS, 30)),
            97..99 => {
                let id = with(None, "syncid", Value::SyncId);
                (
                    "stop-daemon",
                    if self.random.percent(30) { self.written(&id).into() } else { VecDeque::new() },
                )
            }
            _ => (["clear", "clear", "help", "version"][self.random.below(4)], VecDeque::new()),
        };
        let spelling = match name {
            "list" if self.random.percent(20) => &plain(Some("l"), "list"),
            _ => command(name),
        };
        let mut words = self.written(spelling);
        words.extend(options);
        self.combine(&mut words);
        words
    }

    /// `-L -n` as `-Ln`.
    fn combine(&mut self, words: &mut Vec<Vec<u8>>) {
        let flag =
            |word: &[u8]| word.len() == 2 && word[0] == b'-' && b"ACDELSZadehlvRmigncXo6".contains(&word[1]);
        let mut n = 0;
        while n + 1 < words.len() {
            let next = &words[n + 1];
            let short = next.len() >= 2 && next[0] == b'-' && next[1].is_ascii_alphanumeric();
            if flag(&words[n]) && short && self.random.percent(35) {
                let next = words.remove(n + 1);
                words[n].extend_from_slice(&next[1..]);
                // What has grown is no single flag any more, but its last letter may be one.
                if words[n].len() > 3 {
                    n += 1;
                }
            } else {
                n += 1;
            }
        }
    }

    fn service(&mut self) -> VecDeque<Vec<u8>> {
        let spelling = match self.random.below(100) {
            0..50 => &TCP,
            50..72 => &UDP,
            72..78 => &SCTP,
            _ => &MARK,
        };
        let mut words = self.written(spelling);
        if spelling.long == MARK.long && self.random.percent(35) {
            words.extend(self.written(&IPV6));
        }
        words.into()
    }

    /// The service's words, and around them others in any order.
    fn around_service(&mut self, mut others: Vec<Vec<Vec<u8>>>) -> VecDeque<Vec<u8>> {
        self.random.shuffle(&mut others);
        let service: Vec<Vec<u8>> = self.service().into();
        let at = if self.random.percent(75) { 0 } else { self.random.below(others.len() + 1) };
        others.insert(at, service);
        others.into_iter().flatten().collect()
    }

    fn service_options(&mut self) -> VecDeque<Vec<u8>> {
        let others = OF_SERVICES
            .iter()
            .filter_map(|option| {
                let likely = match option.long {
                    "scheduler" => 60,
                    "persistent" => 45,
                    "netmask" => 25,
                    "pe" => 12,
                    "ops" => 15,
                    _ => 20,
                };
                self.random.percent(likely).then(|| self.written(option))
            })
            .collect();
        self.around_service(others)
    }

    fn server_options(&mut self) -> VecDeque<Vec<u8>> {
        let mut others = vec![self.written(&SERVER)];
        let mut tunnel = false;
        if self.random.percent(75) {
            let forward = &FORWARDS[self.random.below(3)];
            tunnel = forward.long == "ipip";
            others.push(self.written(forward));
        }
        for option in &OF_SERVERS {
            if self.random.percent(35) {
                others.push(self.written(option));
            }
        }
        if self.random.percent(if tunnel { 70 } else { 4 }) {
            let kind = self.random.of(&["ipip", "gue", "gue", "gre", "gre"]);
            let word = |text: &str| vec![text.as_bytes().to_vec()];
            others.push(word(&format!("--tun-type={kind}")));
            if kind == "gue" || self.random.percent(5) {
                others.push(self.written(&OF_TUNNELS[1]));
            }
            if kind != "ipip" && self.random.percent(60) {
                others.push(self.one_of(&OF_TUNNELS[2..]));
            }
            if self.random.percent(8) {
                others.push(self.one_of(&OF_TUNNELS));
            }
        }
        self.around_service(others)
    }

    fn list_options(&mut self) -> VecDeque<Vec<u8>> {
        let mut options = match self.random.below(10) {
            0..5 => self.some_of(&OF_LISTS[4..12], 14),
            5..7 => self.service(),
            7 => self.one_of(&OF_LISTS[1..4]).into(),
            8 => self.some_of(&OF_LISTS, 12),
            _ => {
                let mut options = self.service();
                options.extend(self.some_of(&OF_LISTS[4..12], 14));
                options
            }
        };
        if self.random.percent(70) {
            options.extend(self.written(&NUMERIC));
        }
        options
    }

    fn some_of(&mut self, options: &[Spelling], percent: usize) -> VecDeque<Vec<u8>> {
        let mut some = Vec::new();
        for option in options {
            if self.random.percent(percent) {
                some.push(self.written(option));
            }
        }
        self.random.shuffle(&mut some);
        some.into_iter().flatten().collect()
    }

    fn one_of(&mut self, options: &[Spelling]) -> Vec<Vec<u8>> {
        let option = &options[self.random.below(options.len())];
        self.written(option)
    }

    /// An option in one of its spellings, with a value.
    fn written(&mut self, option: &Spelling) -> Vec<Vec<u8>> {
        let long = format!("--{}", option.long).into_bytes();
        let short = option.short.map(|s| format!("-{s}").into_bytes()).filter(|_| self.random.percent(70));
        let Some(kind) = option.value else { return vec![short.unwrap_or(long)] };
        let value = self.value(kind);
        if kind == Value::Timeout && self.random.percent(45) {
            return vec![short.unwrap_or(long)];
        }
        let joined = |parts: [&[u8]; 2]| vec![parts.concat()];
        match (short, self.random.below(10)) {
            (Some(short), 0..7) => vec![short, value],
            (Some(short), 7) => joined([&[&short[..], b"="].concat(), &value]),
            (Some(short), _) => joined([&short, &value]),
            (None, 0..6) => vec![long, value],
            (None, _) => joined([&[&long[..], b"="].concat(), &value]),
        }
    }

    fn value(&mut self, kind: Value) -> Vec<u8> {
        let odd = self.random.percent(6);
        let list: &[&[u8]] = match kind {
            Value::Service if odd => values::ODD_ENDPOINTS,
            Value::Service if self.random.percent(85) => values::SERVICES,
            Value::Service => values::MORE_SERVICES,
            Value::Server if odd => values::ODD_ENDPOINTS,
            Value::Server => values::SERVERS,
            Value::Mark if odd => values::NUMBERS,
            Value::Mark => values::MARKS,
            Value::Scheduler if odd => values::ODD_SCHEDULERS,
            Value::Scheduler => values::SCHEDULERS,
            Value::Netmask if self.random.percent(15) => values::ODD_NETMASKS,
            Value::Netmask => values::NETMASKS,
            Value::Engine => values::ENGINES,
            Value::Flags if self.random.percent(15) => values::ODD_FLAGS,
            Value::Flags => values::FLAGS,
            Value::Interface => values::INTERFACES,
            Value::Group => values::GROUPS,
            Value::Tunnel => values::TUNNELS,
            Value::State => values::STATES,
            _ if odd => values::NUMBERS,
            Value::Timeout => values::SECONDS,
            Value::Weight => values::WEIGHTS,
            Value::Threshold => values::THRESHOLDS,
            Value::SyncId => values::SYNC_IDS,
            Value::Port => values::PORTS,
            Value::Ttl => values::TTLS,
            Value::Maxlen => values::MAXLENS,
        };
        self.random.of(list).to_vec()
    }

    /// Makes one mistake, or at least something unusual.
    fn spoil(&mut self, words: &mut Vec<Vec<u8>>) {
        let len = words.len();
        match self.random.below(10) {
            0 if len > 0 => drop(words.remove(self.random.below(len))),
            1 if len > 0 => {
                let word = words[self.random.below(len)].clone();
                words.insert(self.random.below(len + 1), word);
            }
            2 if len > 1 => words.swap(self.random.below(len), self.random.below(len)),
            3 if len > 0 => drop(words.pop()),
            4 if len > 0 => {
                let at = self.random.below(len);
                words[at] = self.random.of(values::NUMBERS).to_vec();
            }
            5 => {
                let word = self.random.of(values::JUNK).to_vec();
                words.insert(self.random.below(len + 1), word);
            }
            6 if len > 0 => {
                // A word cut short: an abbreviation, or a value that lacks its end.
                let at = self.random.below(len);
                let keep = self.random.below(words[at].len() + 1);
                words[at].truncate(keep);
            }
            7 => {
                let option = &COMMANDS[self.random.below(COMMANDS.len())];
                let at = if self.random.percent(50) { 0 } else { self.random.below(len + 1) };
                for word in self.written(option).into_iter().rev() {
                    words.insert(at, word);
                }
            }
            _ => {
                let groups: [&[Spelling]; 7] = [
                    &OF_SERVICES,
                    &OF_SERVERS,
                    &OF_TUNNELS,
                    &OF_LISTS,
                    &OF_DAEMONS,
                    &FORWARDS,
                    &[TCP, UDP, SCTP, MARK, IPV6, SERVER, NUMERIC],
                ];
                let group = groups[self.random.below(groups.len())];
                let option = &group[self.random.below(group.len())];
                let at = self.random.below(len + 1);
                for word in self.written(option).into_iter().rev() {
                    words.insert(at, word);
                }
            }
        }
    }
}
