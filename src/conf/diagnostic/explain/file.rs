//! Files, blocks and words: what can be wrong with any configuration (V00xx to V02xx).

use super::Reason;

pub(super) const REASONS: &[Reason] = &[
    (
        "V0001",
        "Nothing can be said about a file that can't be opened. Check the path, its permissions, and that it is a file.",
    ),
    (
        "V0002",
        "A configuration is text. NUL bytes come from a copy that went wrong, a compressed file, or UTF-16: convert it to UTF-8.",
    ),
    (
        "V0003",
        "keepalived starts with an empty file and does nothing. This is rarely meant: the file may have been cut off.",
    ),
    (
        "V0004",
        "Mistakes at the top of a file often cause those below. Correct what is shown and check again.",
    ),
    (
        "V0005",
        "`includer`, `includem`, `includew`, `includeb`, `includea` and `include_check` say that the files must be there: without them the configuration is not complete, and it is not run.",
    ),
    (
        "V0006",
        "keepalived goes on as if the line were not there, and what the file held is gone with the next reload: vipd refuses that reload. Where a file may be missing, write a pattern (`include conf.d/*.conf`), which need not match anything, or `# vipd: allow V0006` on the line.",
    ),
    (
        "V0007",
        "keepalived would open the files again and again until it runs out of them. Move what both need into a third file.",
    ),
    (
        "V0008",
        "Look for parameters that use each other several times, or a sequence with more rounds than were meant.",
    ),
    ("V0009", "A name, or a pattern of names, must follow: `include /etc/keepalived/conf.d/*.conf`."),
    (
        "V0010",
        "A word without a sign sets the checks anew, so only one is taken, the first. Put `+` before the others.",
    ),
    (
        "V0011",
        "Editors of Windows write these three invisible bytes (EF BB BF, U+FEFF). keepalived reports an unknown keyword and loses the block that follows; vipd reads the file as if they were not there. Where files are put one behind the other, they stand at the beginning of a line within. Save it as UTF-8 without them.",
    ),
    (
        "V0101",
        "The line has no effect, and where it opens a block, neither has the block. A misspelt `priority` silently becomes the default 100.",
    ),
    (
        "V0102",
        "The keyword exists, but not in this block, so the line has no effect. Often a `}` before it is missing, or there is one too many.",
    ),
    (
        "V0103",
        "keepalived takes the lines that should be in the block for lines of the level around it, and reports each of them. vipd reads them as they were meant.",
    ),
    (
        "V0104",
        "keepalived takes all that follows for a part of the open block. The indentation of a later `}` often shows where the missing one belongs.",
    ),
    (
        "V0105",
        "The brace opens nothing. Remove it together with its `}`, or write the keyword that it belongs to before it.",
    ),
    (
        "V0106",
        "There is one `}` more than `{` up to here. What follows may have been meant for the block that ended too early.",
    ),
    (
        "V0107",
        "A quoted string ends on the line where it begins: the quote hides the rest of the line, a `{` included.",
    ),
    (
        "V0108",
        "Only definitions of parameters (`$NAME=...`) go on behind a backslash. The next line is read as a line of its own.",
    ),
    (
        "V0109",
        "No block of the language lies this deep. The braces before this place are not what they should be.",
    ),
    ("V0201", "keepalived ends when it comes to such a line: nothing of the file runs."),
    (
        "V0202",
        "The words behind the last argument have no effect. Two lines may have been joined, or a comment sign is missing.",
    ),
    (
        "V0203",
        "The value is left out, and the default holds. Units are part of the keyword, not of the number: write `3`, not `3s`.",
    ),
    ("V0204", "The value is left out, and the default holds."),
    ("V0205", "The line is left out: the address is not set, not probed, or not served."),
    (
        "V0206",
        "Prefix lengths are 0 to 32 (IPv4) or 0 to 128 (IPv6); a netmask such as 255.255.255.0 is written /24.",
    ),
    ("V0207", "Only the words listed are understood here. The line has no effect."),
    (
        "V0208",
        "Names go to the kernel and to scripts, which limit their length and characters (15 characters for interfaces).",
    ),
    ("V0209", "Logs, reloads and references know a block by its name."),
    ("V0210", "What runs differs from what is written. Write what runs, so that the next reader knows it."),
    ("V0211", "The line has no effect without its value."),
    ("V0212", "It still works. Write the spelling that is named, before it goes."),
    (
        "V0213",
        "The block can't do its work without it, so it is left out as a whole: what it was to guard is not guarded.",
    ),
    ("V0214", "The first line holds, the others have no effect."),
    ("V0215", "The line has no effect here. Remove it, or move it to where it belongs."),
    (
        "V0216",
        "keepalived at most writes to its log about it, when it runs: the file counts as correct, and does something else than it says.",
    ),
    ("V0218", "The last one holds. Remove the others, so that the next reader need not know that."),
    (
        "V0219",
        "The setting is one address, and keepalived passes over what stands behind it without a word. A router's own prefix length stands at its interface.",
    ),
    (
        "V0220",
        "The length may have been lost. keepalived reads nothing as 0, so that the address comes with a route to everywhere.",
    ),
    ("V0221", "An address goes without what is not understood; a route or rule is left out altogether."),
    (
        "V0222",
        "Numbers always work. Names are those of /etc/iproute2 (or /usr/share/iproute2) and its folders *.d, on each machine that runs the file.",
    ),
    ("V0223", "Only the last one counts, and keepalived says nothing about it. Remove the other."),
    (
        "V0224",
        "After `inet` or `inet6` keepalived leaves out a word unread, and what is left is rarely right. vipd reads the line as it is meant.",
    ),
    ("V0225", "It is understood; keepalived reports it each time it reads the file."),
    ("V0226", "It is understood; a later version may not understand it."),
    ("V0227", "keepalived reads it and does nothing with it. Remove it."),
    (
        "V0228",
        "keepalived takes ports only as FIRST-LAST. It sets the rule without what it can't read, so that the rule is for every port.",
    ),
    (
        "V0229",
        "The kernel refuses a rule with such a range, and it is missing when the instance becomes master.",
    ),
    (
        "V0231",
        "Here keepalived does not pass over words too many: it passes over the whole line. Names with blanks stand in double quotes.",
    ),
    ("V0232", "It still works. The keyword that replaced it says better what it does."),
    (
        "V0233",
        "keepalived counts the digits that are there, and none are 0. Often the value of a template or a parameter is missing: write the number.",
    ),
];
