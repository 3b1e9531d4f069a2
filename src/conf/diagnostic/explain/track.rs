//! Scripts, what is tracked, and sync groups (V06xx).

use super::Reason;

pub(super) const REASONS: &[Reason] = &[
    (
        "V0601",
        "Names are looked up as the file is read: the block must stand before what refers to it. The line is left out, so nothing depends on what was to be tracked.",
    ),
    ("V0602", "The first line counts, with its weight; the second has no effect."),
    (
        "V0603",
        "keepalived takes both blocks, and every reference finds the first one. What the second says has no effect.",
    ),
    (
        "V0604",
        "Without a script, a file or a process there is nothing to track: the block is left out, and so is what refers to it.",
    ),
    ("V0605", "The first one counts. Often a block was copied and not changed all the way."),
    (
        "V0606",
        "Scripts do not run as somebody else instead: what should run under this account does not run at all.",
    ),
    (
        "V0607",
        "The script is not run, and the instance goes on as if it were not tracked: no failover where it was meant to bring one about. The path is looked up as the user who runs it.",
    ),
    (
        "V0608",
        "It runs as root: whoever can write to it, or to a directory above it, is root within one interval. With enable_script_security it is not run. Give the file and its directories to root, without write permission for others, or run it as somebody else.",
    ),
    (
        "V0609",
        "keepalived starts and passes its configuration test, but this script never runs: only its log tells.",
    ),
    (
        "V0610",
        "Scripts run as root by default, also those that others can change. `enable_script_security` refuses these; `script_user` names who runs the others.",
    ),
    (
        "V0611",
        "A command line is one word for keepalived: put it in quotes as a whole. Behind it stand, at most, the user and the group that it runs under.",
    ),
    (
        "V0612",
        "An instance goes to fault when its own interface goes down; `dont_track_primary` turns that off. The line is left out, and a weight on it has no effect.",
    ),
    (
        "V0613",
        "A sync group stands or falls as one, so its instances' priorities must not move one by one; an address owner's priority is always 255. Scripts, files and BFD sessions with a weight are not tracked at all then: give them weight 0, track them in the group, or write `sync_group_tracking_weight` there. The weight of an interface counts in a sync group all the same, as with keepalived, which says that it ignores it.",
    ),
    ("V0614", "Nothing is held together: the group is left out, with its scripts and notifications."),
    (
        "V0615",
        "The instance fails over alone, while its group was to move it together with the others. Often the instance was renamed.",
    ),
    ("V0616", "An instance changes state with one group. It stays in the first."),
    (
        "V0617",
        "A sync group moves its instances together; with one there is nothing to move. An instance is missing, or the group is not needed.",
    ),
    (
        "V0618",
        "The owner of its addresses (priority 255) is always master, the others are not: they can't be in one state.",
    ),
    ("V0619", "The second block is left out as a whole. Its instances are in no group."),
    ("V0620", "It counts once for each: remove the line of the instance or that of the group."),
    ("V0621", "The group's weight counts, unless the instance has none. Remove the line of the instance."),
    ("V0622", "keepalived leaves it out, and only its log tells."),
    (
        "V0623",
        "The daemon makes the FIFO in its working directory: where it was started from, and the root directory once it is in the background. Whoever reads it looks elsewhere. Write a path that begins with `/`, such as `/run/vrrp.fifo`.",
    ),
    (
        "V0624",
        "Up to 2.3.1, keepalived takes `\\\"` inside a quoted command line for a quote that holds words together. Since then it is a letter, as here: `\"/bin/sh -c \\\"exit 0\\\"\"` gives the shell the words `\"exit` and `0\"`. Single quotes hold words together in all versions: `\"/bin/sh -c 'exit 0'\"`.",
    ),
    (
        "V0625",
        "An address, a route or a rule of the instance is on that interface (`dev`): when it goes down, the instance can't be master, and goes to fault. The weight never counts, as with keepalived. Leave the line out, or write `no_track` behind the address, the route or the rule: then the interface only weighs.",
    ),
    (
        "V0626",
        "While a delay runs, nobody knows that the link is down: a backup that hears nothing meanwhile becomes master. So a delay must be shorter than all but one of the adverts that it waits for (`down_timer_adverts` - 1 intervals), and is cut to just below that, as by keepalived. Give shorter delays, a longer `advert_int`, or more `down_timer_adverts`.",
    ),
];
