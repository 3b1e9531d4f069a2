//! Two databases of which one takes writes: the one with the address, and whoever comes back leaves it there.

use super::*;

const VIP: &str = "192.0.2.20";

/// A stand-in for a database: a file says whether it is the primary or a replica, and another one whether it answers.
struct Database<'a> {
    host: &'a Host,
}

impl<'a> Database<'a> {
    fn start(host: &'a Host) -> Self {
        let database = Self { host };
        database.answers(true);
        let (role, history) = (host.file("role"), host.file("history"));
        write_script(
            &host.file("database-role"),
            &format!("echo \"$1\" >{}\necho \"$1\" >>{}", role.display(), history.display()),
        );
        write_script(&host.file("mysqladmin"), &format!("test -e {}", host.file("alive").display()));
        database
    }

    fn answers(&self, does: bool) {
        let path = self.host.file("alive");
        if does {
            fs::write(path, "").expect("write a file");
        } else {
            fs::remove_file(path).expect("remove a file");
        }
    }

    fn config(&self, changes: &[(&str, &str)]) -> String {
        let role = self.host.file("database-role").display().to_string();
        let ping = self.host.file("mysqladmin").display().to_string();
        let paths = [("/usr/local/sbin/database-role", &*role), ("/usr/bin/mysqladmin", &*ping)];
        example("database-pair.conf", &[changes, &paths].concat())
    }

    #[track_caller]
    fn is(&self, role: &str) {
        wait_for(format_args!("{} to be a {role}", self.host.name()), LIMIT, || {
            let seen = fs::read_to_string(self.host.file("role")).unwrap_or_default();
            if seen.trim() == role { Ok(()) } else { Err(seen) }
        });
    }

    fn history(&self) -> Vec<String> {
        let text = fs::read_to_string(self.host.file("history")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

pub(super) fn promoted(lab: &Lab, programs: Programs) {
    let (one, two) = (lab.host("db1", "192.0.2.21/24"), lab.host("db2", "192.0.2.22/24"));
    let client = lab.host("client", "192.0.2.100/24");
    let (db1, db2) = (Database::start(&one), Database::start(&two));
    let configs = [db1.config(&[]), db2.config(&[SECOND])];
    let (first, _second) = start_both(programs, (&one, &two), VIP, configs);
    db1.is("primary");
    db2.is("replica");
    client.run(&format!("ping -c 1 -W 5 {VIP}"));

    // It does not answer any more: the other one is promoted, and stays so when it answers again.
    db1.answers(false);
    db2.is("primary");
    db1.is("replica");
    holds(&one, VIP, false);
    holds(&two, VIP, true);
    wait_for("an answer", LIMIT, || client.try_run(&format!("ping -c 1 -W 1 {VIP}")));
    db1.answers(true);
    says(&first, "(DATABASE) Entering BACKUP STATE", 2);
    let promotions = |db: &Database<'_>| db.history().iter().filter(|role| *role == "primary").count();
    assert_eq!((promotions(&db1), promotions(&db2)), (1, 1));

    // The way back, when that one fails.
    db2.answers(false);
    db1.is("primary");
    db2.is("replica");
    holds(&one, VIP, true);
    holds(&two, VIP, false);
    // Its host is shut down: a replica afterwards. The other one's database is out of order, so nobody is promoted.
    first.terminate();
    db1.is("replica");
    holds(&one, VIP, false);
    assert_eq!((promotions(&db1), promotions(&db2)), (2, 1), "{:?} {:?}", db1.history(), db2.history());
}
