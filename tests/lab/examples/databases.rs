//! `database-slaves.conf`: a primary and two replicas. Reads go to the replicas; one whose replication stands still gets no
//! new ones; while none will do, the primary answers.

use super::*;
use crate::support::{checked, mariadb};
use std::process::Command;

const SERVICE: &str = "TCP 192.0.2.30:3306";

const PASSWORD: &str = "sesame";

struct Database {
    id: u16,
    host: Host,
    folder: PathBuf,
    process: Process,
}

impl Database {
    /// Starts one of the folder's tables, at 192.0.2.ID.
    fn start(host: &Host, folder: &Path, id: u16, more: &str) -> Database {
        let mut command = mariadb::server(host, folder, "0.0.0.0", 3306, id);
        let script = host.file("init.sql");
        fs::write(
            &script,
            "CREATE OR REPLACE USER root@localhost;\nGRANT ALL ON *.* TO root@localhost WITH GRANT OPTION;\n",
        )
        .expect("write a file");
        command.arg(format!("--init-file={}", script.display()));
        // Clients have no names, and nobody is to be asked for them.
        command.arg("--skip-name-resolve");
        command.args(more.split_whitespace());
        let process = host.start("mariadb", &mut command);
        Database { id, host: host.clone(), folder: folder.to_owned(), process }
    }

    #[track_caller]
    fn is_ready(&self) {
        wait_for(format_args!("database {} to be ready", self.id), LIMIT, || {
            let log = self.process.log();
            if log.contains("ready for connections") { Ok(()) } else { Err(log) }
        });
    }

    /// Has its administrator say this.
    #[track_caller]
    fn says(&self, sql: &str) {
        let mut command = self.host.command("mariadb");
        command.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"]);
        command.arg(format!("--socket={}", self.folder.join("socket").display()));
        checked(command.arg("--execute").arg(sql));
    }
}

/// What an application reads: which database it is, and the newest row.
#[track_caller]
fn read(client: &Host) -> (u16, String) {
    let mut command = client.command("mariadb");
    command.args(["--no-defaults", "--host=192.0.2.30", "--user=app", "--connect-timeout=10"]);
    command.args(["--batch", "--skip-column-names", "--execute"]);
    command.arg("SELECT @@server_id, word FROM shop.news ORDER BY id DESC LIMIT 1");
    let said = checked(&mut command);
    let row = said.trim().split_once('\t').and_then(|(id, word)| Some((id.parse().ok()?, word.to_owned())));
    row.unwrap_or_else(|| panic!("an application reads {said:?}"))
}

/// Waits until an application reads this news; from this database alone.
#[track_caller]
fn reads(client: &Host, from: u16, news: &str) {
    wait_every(LOOKS, format_args!("{news:?} from database {from}"), LIMIT, || {
        let (id, word) = read(client);
        assert_eq!(id, from, "who is read");
        if word == news { Ok(()) } else { Err(word) }
    });
}

/// The lines of SQL in the file's comments.
fn told(config: &str) -> String {
    let lines = config.lines().filter_map(|line| line.strip_prefix('#').map(str::trim));
    let lines = lines.filter(|line| line.starts_with("CREATE USER ") || line.starts_with("GRANT "));
    let lines: Vec<&str> = lines.filter_map(|line| Some(&line[..=line.find(';')?])).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    lines.concat().replace('…', PASSWORD)
}

pub(super) fn plays(lab: &Lab) {
    let client = lab.host("client", "192.0.2.100/24");
    let director = lab.host("director", "192.0.2.2/24");
    let password = director.file("password");
    fs::write(&password, format!("{PASSWORD}\n")).expect("write a file");
    let config = example(
        "database-slaves.conf",
        &[("delay_loop 3", "delay_loop 1"), ("/etc/keepalived/lb.password", &password.display().to_string())],
    );

    let hosts = [("primary", 40), ("replica1", 41), ("replica2", 42)].map(|(name, id)| {
        let host = lab.host(name, &format!("192.0.2.{id}/24"));
        prepare_for_dr(&host, "192.0.2.30");
        (host, id)
    });
    let folders = hosts.each_ref().map(|(host, _)| host.file("tables"));
    mariadb::install(&hosts[0].0, &folders[0]);
    for folder in &folders[1..] {
        checked(Command::new("cp").arg("-a").arg(&folders[0]).arg(folder));
    }
    let databases = [0, 1, 2].map(|n| {
        let (host, id) = &hosts[n];
        Database::start(host, &folders[n], *id, if n == 0 { "" } else { "--read-only" })
    });
    databases.iter().for_each(Database::is_ready);
    let [primary, one, two] = &databases;
    // All of it comes to the replicas by the replication.
    primary.says(&format!(
        "{} CREATE USER copy@'192.0.2.%' IDENTIFIED BY 'copy'; GRANT REPLICATION SLAVE ON *.* TO copy@'192.0.2.%'; \
         CREATE USER app@'192.0.2.%'; GRANT SELECT ON *.* TO app@'192.0.2.%'; \
         CREATE DATABASE shop; CREATE TABLE shop.news (id INT PRIMARY KEY, word TEXT); \
         INSERT INTO shop.news VALUES (1, 'open')",
        told(&config)
    ));
    for replica in [one, two] {
        replica.says(
            "CHANGE MASTER TO MASTER_HOST='192.0.2.40', MASTER_USER='copy', MASTER_PASSWORD='copy'; START SLAVE",
        );
    }
    let _director = start(&director, &config, "192.0.2.30");
    let replicas = |first, second| [("192.0.2.41:3306", first), ("192.0.2.42:3306", second)];
    serves(&director, SERVICE, &replicas(1, 1));

    // Reads go to both, and not to the primary.
    let mut ids = [read(&client).0, read(&client).0];
    ids.sort_unstable();
    assert_eq!(ids, [41, 42]);

    // A replica whose replication stands still has old news.
    one.says("STOP SLAVE");
    serves(&director, SERVICE, &replicas(0, 1));
    primary.says("INSERT INTO shop.news VALUES (2, 'closed')");
    reads(&client, 42, "closed");

    // None will do.
    two.says("STOP SLAVE");
    serves(&director, SERVICE, &[&replicas(0, 0)[..], &[("192.0.2.40:3306", 1)]].concat());
    reads(&client, 40, "closed");

    one.says("START SLAVE");
    serves(&director, SERVICE, &replicas(1, 0));
    reads(&client, 41, "closed");
    two.says("START SLAVE");
    serves(&director, SERVICE, &replicas(1, 1));
}
