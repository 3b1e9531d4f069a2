//! Every code, in one table. A code never changes its meaning; what is withdrawn is not given out again.
//!
//! V00xx files, V01xx syntax, V02xx values, V03xx meaning of VRRP, V04xx meaning of virtual servers, V05xx parameters
//! and sequences, V06xx scripts and what is tracked, V07xx meaning of addresses, routes,
//! rules and interfaces, V08xx advice, V09xx vipd itself. Given out once and withdrawn:
//! V0902.

use super::{Code, Severity, Verdict};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $severity:ident, $verdict:ident, $summary:literal;)*) => {
        $(
            #[doc = $summary]
            pub static $name: Code =
                Code { id: $id, severity: Severity::$severity, verdict: Verdict::$verdict, summary: $summary };
        )*
        /// The whole table, in the order of the codes.
        pub static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    UNREADABLE = "V0001", Error, GivesUp, "a file can't be read";
    BINARY = "V0002", Error, GivesUp, "a file holds NUL bytes: it is not text";
    EMPTY = "V0003", Hint, Silent, "a file holds no configuration at all";
    TOO_MANY = "V0004", Error, Reports, "there is more to report than is shown";
    INCLUDE_FAILED = "V0005", Error, Lacks, "a file to include can't be had, where the include demands it";
    INCLUDE_SKIPPED = "V0006", Error, Silent, "a file to include can't be had, and is passed over";
    INCLUDE_CYCLE = "V0007", Error, Refuses, "a file that includes itself";
    EXPANSION_TOO_LARGE = "V0008", Error, Refuses, "includes, parameters or sequences that never come to an end";
    INCLUDE_NOTHING = "V0009", Error, Reports, "an include without a file";
    CHECK_UNSIGNED = "V0010", Error, Reports, "a word of include_check that has no effect";
    BYTE_ORDER_MARK = "V0011", Warning, Reports, "a file, or a line of it, begins with a byte order mark";

    UNKNOWN_KEYWORD = "V0101", Error, Reports, "keepalived has no such keyword";
    MISPLACED_KEYWORD = "V0102", Error, Reports, "the keyword belongs into another block";
    MISSING_OPEN_BRACE = "V0103", Error, Reports, "a block does not begin with `{`";
    MISSING_CLOSE_BRACE = "V0104", Error, Reports, "a block does not end with `}`";
    UNEXPECTED_OPEN_BRACE = "V0105", Error, Reports, "a `{` that belongs to no block";
    UNEXPECTED_CLOSE_BRACE = "V0106", Error, Reports, "a `}` that ends no block";
    UNTERMINATED_QUOTE = "V0107", Error, Reports, "a quoted string is not ended on its line";
    STRAY_CONTINUATION = "V0108", Warning, Reports, "a backslash at the end of a line that can't be continued";
    NESTED_TOO_DEEPLY = "V0109", Error, Reports, "blocks are nested more deeply than any keyword allows";

    MISSING_ARGUMENT = "V0201", Error, GivesUp, "a keyword has too few arguments";
    EXTRA_ARGUMENT = "V0202", Hint, Silent, "a keyword has more arguments than it takes";
    BAD_NUMBER = "V0203", Error, Reports, "not a number of the kind wanted";
    OUT_OF_RANGE = "V0204", Error, Reports, "a number outside its range";
    BAD_ADDRESS = "V0205", Error, Reports, "not an address of the kind wanted";
    BAD_PREFIX = "V0206", Error, Reports, "not a prefix length of this address family";
    BAD_CHOICE = "V0207", Error, Reports, "not one of the words allowed here";
    BAD_NAME = "V0208", Error, Reports, "a name that can't be used";
    MISSING_NAME = "V0209", Error, Reports, "a block that needs a name has none";
    ADJUSTED = "V0210", Warning, Reports, "a value that is replaced by the nearest possible one";
    MISSING_VALUE = "V0211", Error, Reports, "a keyword lacks its value, and is passed over";
    DEPRECATED = "V0212", Warning, Reports, "a spelling that keepalived is going to drop";
    INCOMPLETE = "V0213", Error, Reports, "a block lacks what it can't do without";
    GIVEN_TWICE = "V0214", Error, Reports, "a value that was given before";
    NOT_APPLICABLE = "V0215", Warning, Reports, "a setting that means nothing here";
    UNKNOWN_OPTION = "V0216", Warning, Silent, "an option without effect, which keepalived passes over in silence";
    REPLACED = "V0218", Warning, Reports, "a value that takes the place of one given before";

    ONE_ADDRESS = "V0219", Hint, Silent, "a prefix length or the end of a range where one address is meant";
    EMPTY_PREFIX = "V0220", Warning, Silent, "a slash without a prefix length behind it";
    NO_SUCH_OPTION = "V0221", Error, Reports, "an option that this kind of entry does not have";
    UNKNOWN_NAME = "V0222", Error, Reports, "a name that is not in /etc/iproute2";
    REPEATED_OPTION = "V0223", Warning, Silent, "an option of an entry is given twice";
    SWALLOWED_WORD = "V0224", Warning, Reports, "keepalived passes over the word behind `inet` or `inet6`";
    OLD_OPTION = "V0225", Warning, Reports, "an old spelling of an option";
    OLD_WORD = "V0226", Hint, Silent, "an old spelling of a word";
    OPTION_WITHOUT_EFFECT = "V0227", Warning, Reports, "an option that has no effect";
    BAD_PORTS = "V0228", Error, Reports, "not a range of ports as keepalived reads it";
    EMPTY_RANGE = "V0229", Warning, Silent, "a range that ends before it begins";
    TOO_MANY_ARGUMENTS = "V0231", Error, Reports, "a line that words too many leave without effect";
    OLD_SPELLING = "V0232", Hint, Silent, "a spelling that has been replaced";
    EMPTY_NUMBER = "V0233", Warning, Silent, "nothing where a number is wanted";

    DUPLICATE_INSTANCE = "V0301", Error, Reports, "two vrrp_instance blocks of one name";
    NO_INTERFACE = "V0302", Error, Refuses, "a vrrp_instance without an interface";
    NO_VRID = "V0303", Error, Refuses, "a vrrp_instance without virtual_router_id";
    NO_ADDRESS = "V0304", Warning, Reports, "a vrrp_instance without virtual addresses";
    DUPLICATE_VRID = "V0305", Error, Refuses, "two instances share interface, family and virtual_router_id";
    MIXED_FAMILIES = "V0306", Error, Reports, "IPv4 and IPv6 in one vrrp_instance";
    DUPLICATE_ADDRESS = "V0307", Warning, Silent, "a virtual address is listed twice";
    STATE_CONFLICT = "V0308", Warning, Reports, "settings that the initial state or the priority rule out";
    PASSWORD_TRUNCATED = "V0309", Warning, Reports, "a password of more than eight characters";
    AUTH_IGNORED = "V0310", Warning, Reports, "authentication that can't be used";
    VERSION_CONFLICT = "V0311", Error, Reports, "a protocol version that doesn't fit";
    NO_SUCH_INTERFACE = "V0312", Error, Reports, "an interface that this machine does not have";
    TOO_MANY_ADDRESSES = "V0313", Warning, Reports, "more virtual addresses than an advert can carry";
    LOOPBACK = "V0314", Error, Reports, "VRRP on a loopback interface";
    NO_PEER = "V0315", Warning, Reports, "unicast settings without unicast peers";
    BAD_PEER = "V0316", Error, Reports, "an option of a unicast peer without its value";
    TTL_RANGE = "V0317", Warning, Reports, "a unicast peer whose adverts are all discarded";
    FAULT_WITHOUT_PEER = "V0318", Warning, Silent, "an instance that stays in FAULT, without unicast peers";
    NO_SOURCE = "V0319", Error, Refuses, "unicast with neither interface nor usable source address";
    STRICT_MODE = "V0320", Warning, Reports, "a setting that strict mode does not allow";
    STRICT_UNICAST = "V0321", Warning, Silent, "unicast in strict mode";
    GROUP_IGNORED = "V0322", Warning, Reports, "a multicast group where adverts are unicast";
    LINK_SETTING = "V0324", Warning, Reports, "settings of VMAC or ipvlan that don't go together";
    LINK_NAME_TAKEN = "V0325", Error, Reports, "two instances call the links they make by one name";
    BAD_MAC = "V0326", Error, Reports, "a MAC address that a VMAC can't have";
    IPVLAN_ADDRESS = "V0327", Error, Reports, "an IPv4 ipvlan without address";
    VRF = "V0328", Warning, Reports, "a VRF where an interface or multicast decides";
    HMAC_KEY = "V0329", Error, Reports, "a key of auth_hmac that can't be used";
    HMAC_ACTIVE_KEY = "V0330", Error, Reports, "auth_hmac without a key to sign with";
    HMAC_AND_PASSWORD = "V0331", Warning, Reports, "auth_hmac and authentication in one instance";
    OWNER_ADVERTS = "V0332", Warning, Reports, "owner_ignore_adverts for a router that owns no addresses";
    NEEDS_NOPREEMPT = "V0333", Warning, Reports, "a setting that works with nopreempt only";
    FIRST_NOT_LINK_LOCAL = "V0334", Hint, Silent, "the first IPv6 address is not a link-local one";
    NO_EFFECT = "V0335", Warning, Silent, "a setting that has no effect without another one";
    DUPLICATE_PEER = "V0336", Warning, Silent, "a unicast peer that is listed twice";
    ADDRESS_REQUIRED = "V0337", Error, Refuses, "a vrrp_instance that can't be without virtual addresses";

    NO_REAL_SERVER = "V0401", Error, Reports, "a virtual_server without real servers";
    DUPLICATE_REAL_SERVER = "V0402", Error, Reports, "a real server is listed twice";
    UNKNOWN_GROUP = "V0403", Error, Silent, "a virtual_server_group that is not defined";
    DUPLICATE_GROUP = "V0404", Error, Silent, "two virtual_server_group blocks of one name";
    EMPTY_GROUP = "V0405", Error, Reports, "a virtual_server_group without entries";
    DUPLICATE_VIRTUAL_SERVER = "V0406", Error, Silent, "two virtual_server blocks for one service";
    SERVER_FAMILY = "V0407", Error, Reports, "address families of virtual and real server differ";
    BAD_RANGE = "V0408", Error, Reports, "not a range of addresses";
    NO_PROTOCOL = "V0409", Warning, Reports, "a virtual_server without protocol";
    PROTOCOL_IGNORED = "V0410", Warning, Reports, "a protocol where firewall marks decide";
    NO_SCHEDULER = "V0411", Warning, Reports, "a virtual_server without lvs_sched";
    NO_METHOD = "V0412", Warning, Reports, "a virtual_server without lvs_method";
    SCHEDULER_FLAG = "V0413", Warning, Reports, "a flag that this scheduler or protocol does not know";
    PORT_ZERO = "V0414", Warning, Reports, "every port, without persistence";
    PORT_MISMATCH = "V0415", Warning, Reports, "ports of virtual and real server differ without NAT";
    QUORUM = "V0416", Warning, Reports, "a quorum or hysteresis that can't be met";
    SORRY_ORDER = "V0417", Error, Reports, "an option of sorry_server without sorry_server before it";
    HA_SUSPEND = "V0418", Warning, Reports, "ha_suspend where firewall marks decide";
    GROUP_FAMILY = "V0419", Error, Silent, "a virtual_server_group whose address families don't fit its virtual_server";
    SORRY_IS_REAL = "V0422", Warning, Reports, "a sorry server that is a real server too, and is inhibited differently";
    BAD_REGEX = "V0423", Error, Silent, "a regular expression that is not well formed";
    LISTED_TWICE = "V0424", Hint, Silent, "an entry that a virtual_server_group has already";
    ZERO_MARK = "V0425", Error, Silent, "a firewall mark of 0";
    MASK_GAPS = "V0426", Hint, Silent, "a netmask with gaps";
    MASK_IS_NUMBER = "V0427", Warning, Silent, "a number where a netmask is wanted";
    LARGE_RANGE = "V0428", Error, Silent, "a range of more addresses than can be services";
    ESCAPE_LOST = "V0429", Warning, Silent, "a backslash of a regular expression that PCRE2 does not see";
    NO_PORT = "V0430", Warning, Silent, "a check that has no port to go to";
    SYNC_INSTANCE = "V0431", Error, Reports, "lvs_sync_daemon follows a vrrp_instance that is not defined";

    PARAMETER_CYCLE = "V0501", Error, Refuses, "a parameter that leads back to itself";
    NOT_REPLACED = "V0502", Warning, Silent, "a parameter that is defined, but not replaced as it is written";
    BAD_SEQUENCE = "V0503", Error, Reports, "a ~SEQ or ~LST that can't be read";
    LINE_TOO_LONG = "V0504", Error, Refuses, "a line that grows beyond all measure when its parameters are replaced";
    PARAMETER_ARGUMENTS = "V0505", Error, Reports, "arguments that a predefined parameter doesn't take";
    DEFINITION_ENDED = "V0506", Warning, Silent, "an empty line within a definition of several lines, which ends it";

    UNKNOWN_REFERENCE = "V0601", Error, Reports, "what is tracked is not defined";
    DUPLICATE_REFERENCE = "V0602", Error, Reports, "the same thing is tracked twice";
    SHADOWED = "V0603", Warning, Silent, "two blocks of one name, of which the second is never found";
    NOTHING_TO_TRACK = "V0604", Error, Reports, "a block that does not say what is to be tracked";
    REPEATED = "V0605", Error, Reports, "a setting that can be given once";
    UNKNOWN_USER = "V0606", Error, Reports, "a user or group that this machine does not have";
    SCRIPT_MISSING = "V0607", Error, Reports, "a tracked script that can't be found";
    SCRIPT_INSECURE = "V0608", Error, Reports, "a tracked script that others than root could change";
    SCRIPT_UNUSABLE = "V0609", Warning, Silent, "a script that will not run, which keepalived only logs";
    SCRIPT_SECURITY = "V0610", Error, Security, "scripts run, and enable_script_security is not set";
    COMMAND_NOT_QUOTED = "V0611", Warning, Silent, "words of a command line that do not reach the command";
    TRACK_OWN_INTERFACE = "V0612", Warning, Reports, "an instance tracks its own interface";
    WEIGHT_IGNORED = "V0613", Warning, Reports, "a weight that the sync group or priority 255 rules out";
    EMPTY_SYNC_GROUP = "V0614", Error, Reports, "a group without instances";
    UNKNOWN_MEMBER = "V0615", Error, Reports, "a sync group names an instance that is not defined";
    TWO_SYNC_GROUPS = "V0616", Error, Reports, "an instance in more than one sync group";
    GROUP_OF_ONE = "V0617", Warning, Reports, "a sync group of one instance";
    MIXED_OWNERS = "V0618", Warning, Reports, "address owners and others in one sync group";
    DUPLICATE_SYNC_GROUP = "V0619", Error, Reports, "two groups of one name";
    TRACKED_TWICE = "V0620", Warning, Reports, "a sync group and its instance follow the same interface";
    TRACKED_BY_GROUP = "V0621", Warning, Silent, "a sync group and its instance track the same thing";
    UNKNOWN_TRACK_MEMBER = "V0622", Warning, Silent, "a track_group without instances, or with one that is not defined";
    RELATIVE_FIFO = "V0623", Warning, Silent, "a FIFO without an absolute path";
    ESCAPED_QUOTES = "V0624", Warning, Silent, "quotes with a backslash in a command line";
    WEIGHT_OF_NEEDED = "V0625", Warning, Silent, "a weight of an interface that addresses, routes or rules need";
    DELAYS_CUT = "V0626", Warning, Silent, "delays of an interface that are too long for an instance there";

    ENTRY_FAMILY = "V0701", Error, Reports, "IPv4 and IPv6 in one address, route or rule";
    NO_DESTINATION = "V0702", Error, Reports, "a route without a destination";
    UNTRACKED = "V0703", Warning, Reports, "a route that is not tracked";
    PROTOCOL_RESET = "V0704", Warning, Reports, "a protocol that a tracked route or rule can't have";
    BAD_ENCAP = "V0705", Error, Reports, "an encapsulation that is not complete or not right";
    NEXT_HOPS = "V0706", Error, Reports, "next hops are given in two ways";
    PEER = "V0707", Warning, Reports, "options that an address with a peer can't have";
    TRACK_GROUP = "V0708", Error, Reports, "a track_group that has no effect";
    NO_ACTION = "V0709", Error, Reports, "a rule without an action";
    TWO_ACTIONS = "V0710", Error, Reports, "a rule with two actions";
    NO_PRIORITY = "V0711", Warning, Reports, "a rule without a priority";
    GOTO = "V0712", Error, Reports, "a rule that goes back";
    TABLE_OPTION = "V0713", Error, Reports, "an option of table lookups in a rule that does something else";
    SAME_PRIORITY = "V0714", Hint, Silent, "two rules of one priority";
    GARP_GROUP = "V0715", Error, Reports, "a garp_group that has no effect";
    EMPTY_INTERFACES = "V0716", Warning, Reports, "a list without interfaces";
    NO_DELAY = "V0717", Warning, Silent, "an interface without its delay";
    DUPLICATE_BFD = "V0718", Error, Reports, "two bfd_instance blocks of one name or for one neighbour";
    NO_NEIGHBOR = "V0719", Error, Reports, "a bfd_instance without a neighbour";
    BFD_FAMILY = "V0720", Error, Reports, "two address families in a bfd_instance";
    SLOW_BFD = "V0721", Hint, Silent, "an interval of BFD that is longer than is sensible";
    NOT_WATCHED = "V0722", Error, Interface, "an interface to be watched that this machine does not have";

    LINT_PREFIX = "V0801", Hint, Silent, "a virtual address without a prefix length";
    LINT_PRIORITY = "V0802", Hint, Silent, "a vrrp_instance without priority";
    LINT_PASSWORD = "V0803", Hint, Silent, "a password that everyone on the network can read";
    LINT_SYNC_ADVERT_INT = "V0804", Hint, Silent, "members of one sync group with different advert_int";
    LINT_MULTICAST = "V0805", Hint, Silent, "multicast where the network carries none";
    LINT_OWNER = "V0806", Hint, Silent, "the priority of the addresses' owner";
    LINT_COMMON_PASSWORD = "V0807", Hint, Silent, "a password that stands in every tutorial";
    LINT_SAMPLE = "V0808", Hint, Silent, "a value of keepalived's sample file";
    LINT_SLOW_ADVERTS = "V0809", Hint, Silent, "adverts so far apart that failover takes half a minute";
    LINT_SHARED = "V0810", Hint, Silent, "one virtual address in two instances";
    LINT_NO_HOST = "V0811", Hint, Silent, "an address that no host can have";
    LINT_SOURCE = "V0812", Hint, Silent, "adverts that are sent from a virtual address";
    LINT_PEER = "V0813", Hint, Silent, "a unicast_peer that is no other router";
    LINT_STRICT = "V0814", Hint, Silent, "vrrp_strict makes the virtual addresses unreachable";
    LINT_SUBNET = "V0815", Hint, Silent, "a virtual address outside the networks of its interface";
    LINT_NO_SOURCE = "V0816", Hint, Silent, "unicast adverts from whatever address comes first";
    LINT_SAME_NOTIFY = "V0817", Hint, Silent, "one command for different transitions";
    LINT_CUT_WORD = "V0818", Hint, Silent, "a comment that begins inside a word";
    LINT_LOOKALIKE = "V0819", Hint, Silent, "a character that looks like another one, or like none";
    LINT_UNTRACKED = "V0820", Hint, Silent, "a vrrp_script that nobody tracks";
    LINT_SLOW_SCRIPT = "V0821", Hint, Silent, "a script that notices a failure late";
    LINT_SCRIPT_TIMEOUT = "V0822", Hint, Silent, "a script that may run longer than its interval";
    LINT_RELATIVE = "V0823", Hint, Silent, "a script without an absolute path";
    LINT_SHELL = "V0824", Hint, Silent, "a shell's signs where no shell reads them";
    LINT_POLLS = "V0825", Hint, Silent, "a script that looks for a process";
    LINT_PRIORITY_CUT = "V0826", Hint, Silent, "weights that bring a priority out of its range";
    LINT_MAIL = "V0827", Hint, Silent, "mails to nobody";
    LINT_SCRIPT_USER = "V0828", Hint, Silent, "scripts of a user that not every machine has";
    LINT_MAIL_SERVER = "V0829", Hint, Silent, "mails without a server";
    LINT_UNCHECKED = "V0830", Hint, Silent, "a real server that no checker looks at";
    LINT_DELAY_LOOP = "V0831", Hint, Silent, "checks once a minute, because nothing says how often";
    LINT_QUORUM = "V0832", Hint, Silent, "a quorum that no failure is allowed for";
    LINT_SORRY = "V0833", Hint, Silent, "a sorry server that is one of the real servers";
    LINT_NAT = "V0834", Hint, Silent, "NAT, and what it needs around it";
    LINT_PERSISTENCE = "V0835", Hint, Silent, "clients that are remembered for a day or more";
    LINT_TIMEOUT = "V0836", Hint, Silent, "a check that may outlast the time to the next";
    LINT_WEIGHT_ZERO = "V0837", Hint, Silent, "a real server of weight 0";
    LINT_WEIGHTS = "V0838", Hint, Silent, "weights that the scheduler passes over";
    LINT_LOOP = "V0839", Hint, Silent, "a real server at the virtual server's own address";
    LINT_UNSERVED = "V0840", Hint, Silent, "a virtual server at an address that no instance brings";
    LINT_OTHER_PORT = "V0841", Hint, Silent, "a check of another port than the clients'";
    LINT_TLS_PORT = "V0842", Hint, Silent, "a page asked for without TLS at the port of TLS, or the reverse";
    LINT_UDP_BY_TCP = "V0843", Hint, Silent, "a UDP service that is checked by TCP";
    LINT_TWICE = "V0844", Hint, Silent, "a setting that is given twice in one block";

    PAIR_MISSING = "V0845", Warning, Silent, "an instance that only one of two directors has";
    PAIR_VRID = "V0846", Warning, Silent, "virtual_router_id differs between two directors";
    PAIR_VERSION = "V0847", Warning, Silent, "the VRRP version differs between two directors";
    PAIR_ADVERT_INT = "V0848", Warning, Silent, "advert_int differs between two directors";
    PAIR_AUTH = "V0849", Warning, Silent, "authentication differs between two directors";
    PAIR_ADDRESSES = "V0850", Warning, Silent, "virtual addresses differ between two directors";
    PAIR_PRIORITY = "V0851", Warning, Silent, "two directors with one priority";
    PAIR_SOURCE = "V0852", Warning, Silent, "two directors send adverts from one address";
    PAIR_STATE = "V0853", Warning, Silent, "two directors with state MASTER";
    PAIR_ROUTER_ID = "V0854", Warning, Silent, "two directors with one router_id";
    PAIR_WEIGHT = "V0855", Warning, Silent, "a script whose failure does not move the addresses";
    PAIR_PREEMPTION = "V0856", Warning, Silent, "nopreempt at the director that never preempts";
    PAIR_SERVICE = "V0857", Warning, Silent, "a virtual server that only one of two directors has";
    PAIR_PEER = "V0858", Warning, Silent, "a director that does not send to the other";

    LINT_LONG_ADVERT = "V0860", Hint, Silent, "an advert that not every network lets through";
    LINT_NAT_SUBNET = "V0861", Hint, Silent, "NAT, and clients in the real servers' own network";
    LINT_HASHING = "V0862", Hint, Silent, "a scheduler that refuses the clients of a server of weight 0";
    LINT_THRESHOLDS = "V0863", Warning, Silent, "thresholds that the kernel refuses";
    LINT_ENGINE = "V0864", Warning, Silent, "a persistence engine that the kernel does not have";

    NOT_CARRIED_OUT = "V0901", Warning, Silent, "keepalived knows it, this version of vipd does not carry it out yet";
}

/// What is found wrong with the machine that reads a text, and not with the text: an interface, a script or a user may
/// come and go while the text stays. `vipd check`, which asks no machine, knows nothing of it.
static OF_THE_MACHINE: &[&Code] = &[
    &NO_SUCH_INTERFACE,
    &NOT_WATCHED,
    &LOOPBACK,
    &UNKNOWN_USER,
    &SCRIPT_MISSING,
    &SCRIPT_INSECURE,
    &SCRIPT_UNUSABLE,
    &SCRIPT_SECURITY,
];

/// Whether a finding of this kind is one of the machine that reads a text, and not of the text.
#[must_use]
pub fn is_of_the_machine(code: &'static Code) -> bool {
    OF_THE_MACHINE.iter().any(|known| std::ptr::eq(*known, code))
}

/// A code by its id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|c| c.id == id)
}
